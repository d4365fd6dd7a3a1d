"""Responses that are not a model's answer: empty bodies, web pages, unrelated JSON."""

import re
from typing import Any

from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import member
from ccsproxy.exchange.record import Error

#: The kinds of errors: no body at all, or something else than an answer.
EMPTY, FOREIGN = "empty_answer", "not_an_answer"
#: Statuses that promise no body (RFC 9110, 15.3.3, 15.3.5 and 15.3.6).
_BODILESS = frozenset({202, 204, 205, 304})
_PAGE = re.compile(rb"\A\s*(?:<!doctype html|<html|<head|<body|<\?xml)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,300})<", re.IGNORECASE)
#: Members with the error message in the JSON of various gateways.
_SENTENCES = ("message", "msg", "detail", "error_description", "error_msg", "title", "reason", "Message")
#: Members that errors consist of: of AWS, FastAPI, DashScope, MiniMax, vLLM, GraphQL, RFC 9457 and various gateways.
_ERROR_MEMBERS = frozenset(
    {
        *_SENTENCES,
        *("error", "Error", "errors", "code", "error_code", "errorCode", "err_code", "status", "statusCode"),
        *("status_code", "status_msg", "base_resp", "success", "ok", "object", "type", "__type", "param", "instance"),
        *(
            "name",
            "stack",
            "request_id",
            "requestId",
            "RequestId",
            "trace_id",
            "traceId",
            "timestamp",
            "path",
            "created",
            "event_id",
        ),
    }
)
#: Members that name an event or its call, and say nothing else.
_NAMES = frozenset({"id", "model"})
#: Members that show that something failed, if nothing else is in an object.
_FAILING = frozenset(
    {*_SENTENCES, "error", "Error", "errors", "error_code", "errorCode", "err_code", "__type", "base_resp"}
)
_LONGEST = 300


def empty(facts: Facts) -> Error | None:
    """Return the error of an empty body; None if no body is required."""
    if facts.method == b"HEAD" or facts.status in _BODILESS:
        return None
    return Error(EMPTY, f"The upstream answered {_status(facts)} with nothing in it.")


def no_events(facts: Facts) -> Error:
    """Return the error of a stream without a meaningful event."""
    return Error(EMPTY, f"The upstream answered {_status(facts)} with a stream without any content.")


def foreign_text(body: bytes | bytearray, facts: Facts, *, generic: bool) -> Error | None:
    """Return the error of a body that is not JSON.

    :param generic: the call is of no known dialect, so any text or bytes may be its answer.
    """
    head = body[:4096]
    if "html" in facts.content_type or _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        title = _TITLE.search(body[:65536])
        named = f": {' '.join(title.group(1).decode('utf-8', 'replace').split())}" if title else ""
        return Error(FOREIGN, f"The upstream answered {_status(facts)} with a web page{named}.")
    if generic:
        return None
    what = "JSON that cannot be read" if "json" in facts.content_type else "something other than a model's answer"
    return Error(FOREIGN, f"The upstream answered {_status(facts)} with {what}.")


def is_error(value: Any) -> bool:
    """Return whether a JSON object contains nothing but what errors consist of, in whichever form.

    The answers of models have members of their own; a message alone is what gateways write about themselves.
    """
    if not isinstance(value, dict) or not _ERROR_MEMBERS.issuperset(value):
        return False
    return not _FAILING.isdisjoint(value) or value.get("success") is False or value.get("ok") is False


def tells_error(event: Any) -> bool:
    """Return whether an event of a stream of unknown form tells of the error of the call.

    An agent's streams also tell of tools that failed, beside what they were called for: those are no errors of it.
    """
    if is_error(event) or not member(event, "error"):
        return is_error(event)
    return not any(value for key, value in event.items() if key not in _ERROR_MEMBERS and key not in _NAMES)


def note_event_error(event: Any, findings: Findings) -> None:
    """Give the error in an event of unknown form to ``findings``."""
    error = member(event, "error")
    detail = error if isinstance(error, dict) else {"message": error or error_sentence(event)}
    findings.fail(detail.get("type") or detail.get("code"), detail.get("message"))


def foreign_json(value: Any, facts: Facts) -> Error:
    """Return the error of JSON that is not an answer of the dialect, including the message in it."""
    message = error_sentence(value)
    message = f": {message[:_LONGEST]}" if message else ""
    return Error(FOREIGN, f"The upstream answered {_status(facts)} with JSON that is not a model's answer{message}.")


def error_sentence(value: Any) -> str:
    """Return the message in the JSON of an error; empty if it has none."""
    errors = member(value, "errors")
    places = [value, errors[0] if isinstance(errors, list) and errors else errors]
    texts = (member(place, key) for place in places for key in _SENTENCES)
    return next((text for text in texts if isinstance(text, str) and text), "")


def _status(facts: Facts) -> str:
    return str(facts.status or 200)
