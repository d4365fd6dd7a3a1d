"""Responses that are not a model's answer: empty bodies, web pages, unrelated JSON."""

import re
from typing import Any

from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.json_body import member
from ccsproxy.exchange.record import Error

#: The kinds of errors: no body at all, or something else than an answer.
EMPTY, FOREIGN = "empty_answer", "not_an_answer"
#: Statuses that promise no body (RFC 9110, 15.3.3, 15.3.5 and 15.3.6).
_BODILESS = frozenset({202, 204, 205, 304})
_PAGE = re.compile(rb"\A\s*(?:<!doctype html|<html|<head|<body|<\?xml)", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,300})<", re.IGNORECASE)
#: Members with the error message in the JSON of various gateways.
_SENTENCES = ("message", "msg", "detail", "error_description", "error_msg", "title", "reason")
_LONGEST = 300


def empty(facts: Facts) -> Error | None:
    """Return the error of an empty body; None if no body is required."""
    if facts.method == b"HEAD" or facts.status in _BODILESS:
        return None
    return Error(EMPTY, f"The upstream answered {_status(facts)} with nothing in it.")


def no_events(facts: Facts) -> Error:
    """Return the error of a stream without a meaningful event."""
    return Error(EMPTY, f"The upstream answered {_status(facts)} with a stream that says nothing.")


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
    what = "JSON that cannot be read" if "json" in facts.content_type else "something that is no answer of a model"
    return Error(FOREIGN, f"The upstream answered {_status(facts)} with {what}.")


def foreign_json(value: Any, facts: Facts) -> Error:
    """Return the error of JSON that is not an answer of the dialect, including the message in it."""
    message = next((text for key in _SENTENCES if isinstance(text := member(value, key), str) and text), "")
    message = f": {message[:_LONGEST]}" if message else ""
    return Error(FOREIGN, f"The upstream answered {_status(facts)} with JSON that is no answer of a model{message}.")


def _status(facts: Facts) -> str:
    return str(facts.status or 200)
