"""Requests that continue an earlier response, completed with everything the model was given, by ``request.context``.

Over a WebSocket, and whenever an earlier response is named by its id (``previous_response_id``; in Anthropic's
message threads, beta of 2026-08-12, ``thread.previous_message_id``, as sent by Pi 1.6.0), a request contains only
what is new; the rest is in the records that it continues. The result is for display: a record keeps what was sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

#: The longest chain that is followed; no conversation gets longer without compaction.
_LONGEST = 5000
#: Members that a request may omit because the previous one contains them.
_INHERITED = ("instructions", "system", "tools", "model")
#: The plain one first, which matches nearly always: checking for a `Mapping` takes four times as long.
_OBJECT = (dict, Mapping)
#: Members by which a request names the response that it continues: Responses, Interactions.
_NAMES = ("previous_response_id", "previous_interaction_id")


def previous_answer(body: Any) -> str:
    """Return the id of the response that a request continues, empty for none.

    :param body: the parsed request body.
    """
    if not isinstance(body, _OBJECT):
        return ""
    for name in _NAMES:
        if isinstance(named := body.get(name), str):
            return named
    thread = body.get("thread")
    named = thread.get("previous_message_id") if isinstance(thread, _OBJECT) else None
    return named if isinstance(named, str) else ""


def with_context(record: dict[str, Any], record_of: Callable[[int], Mapping[str, Any]]) -> dict[str, Any]:
    """Return a record whose request body contains the whole input.

    :param record_of: returns a record of the session by its seq; raises LookupError for one that does not exist.
    :return: the record itself if it continues nothing; else a copy, whose body has the whole ``input`` or
    ``messages``, and ``_missing_context`` with the seq at which the chain broke, if it did.
    """
    request = record.get("request") or {}
    body = request.get("body")
    if not isinstance(body, dict) or not isinstance(request.get("context"), int):
        return record
    chain, missing = _chain(record, record_of)
    # What was sent once applies to its continuations, until it is sent again.
    merged = {key: value for each in (*chain, body) for key, value in each.items() if key in _INHERITED}
    member = _conversation_member(body)
    merged = {**merged, **body, member: [item for each in chain for item in each[member]] + _items(body.get(member))}
    if missing is not None:
        merged["_missing_context"] = missing
    return {**record, "request": {**request, "body": merged}}


def _chain(
    record: Mapping[str, Any], record_of: Callable[[int], Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], int | None]:
    """Collect what a request continues, oldest first: bodies whose input ends with the response."""
    found: list[dict[str, Any]] = []
    seq, newer = _context(record), int(record.get("seq") or 0)
    # Only to lower numbers: a record that names itself, or a later one, would be followed for ever.
    while isinstance(seq, int) and 0 < seq < newer and len(found) < _LONGEST:
        try:
            earlier = record_of(seq)
        except LookupError:
            return found[::-1], seq
        body = (earlier.get("request") or {}).get("body")
        answer = (earlier.get("response") or {}).get("body_reassembled")
        previous = body if isinstance(body, dict) else {}
        member = _conversation_member(previous)
        found.append({**previous, member: _items(previous.get(member)) + _repeated_output(answer)})
        seq, newer = _context(earlier), seq
    return found[::-1], None


def _conversation_member(body: Mapping[str, Any]) -> str:
    """Return the member that contains the conversation."""
    return "messages" if "messages" in body else "input"


def _repeated_output(answer: Any) -> list[Any]:
    """Return what a later request would repeat of a response."""
    if not isinstance(answer, dict):
        return []
    if answer.get("type") == "message":
        return [{"role": answer.get("role"), "content": answer.get("content")}]
    return _items(answer.get("output"))


def _context(record: Mapping[str, Any]) -> Any:
    return (record.get("request") or {}).get("context")


def _items(value: Any) -> list[Any]:
    """Return an input or output as a list of items; text is a message of the user."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return value if isinstance(value, list) else []
