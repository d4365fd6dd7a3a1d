"""A request that continues an earlier response, with all that the model was given: by following ``request.context``.

Over a WebSocket, and wherever an earlier answer is named by its id (``previous_response_id``; in Anthropic's message
threads, beta of 2026-08-12, ``thread.previous_message_id``, as Pi 1.6.0 sends it), a request holds only what is new;
what came before it stands in the records that it continues. What is made here is for reading: a record stays what
was sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

#: The longest chain that is followed; no conversation is longer without having been compacted.
_LONGEST = 5000
#: What a request may leave out because the one before it has said it.
_INHERITED = ("instructions", "system", "tools", "model")
#: The plain one first, which nearly all are: asking for a `Mapping` takes four times as long.
_OBJECT = (dict, Mapping)
#: Members by which a request names the answer that it continues: Responses, Interactions.
_NAMES = ("previous_response_id", "previous_interaction_id")


def previous_answer(body: Any) -> str:
    """Return the id of the answer that a request says it continues, empty for none.

    :param body: the request's JSON.
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
    """Return a record whose request body holds the whole input.

    :param record_of: returns a record of the session by its seq; raises LookupError for one that is not kept.
    :return: the record itself where nothing is continued; else a copy, whose body has the whole ``input`` or
        ``messages``, and
        ``_missing_context`` with the seq where the chain broke off, if it did.
    """
    request = record.get("request") or {}
    body = request.get("body")
    if not isinstance(body, dict) or not isinstance(request.get("context"), int):
        return record
    chain, missing = _chain(record, record_of)
    # What was said once holds for what continues it, until it is said anew.
    whole = {key: value for each in (*chain, body) for key, value in each.items() if key in _INHERITED}
    said = _said_in(body)
    whole = {**whole, **body, said: [item for each in chain for item in each[said]] + _items(body.get(said))}
    if missing is not None:
        whole["_missing_context"] = missing
    return {**record, "request": {**request, "body": whole}}


def _chain(
    record: Mapping[str, Any], record_of: Callable[[int], Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], int | None]:
    """Collect what a request continues, oldest first: bodies whose input ends with what was answered."""
    found: list[dict[str, Any]] = []
    seq, newer = _context(record), int(record.get("seq") or 0)
    # Only downwards, as a record that named itself, or a later one, would be followed for ever.
    while isinstance(seq, int) and 0 < seq < newer and len(found) < _LONGEST:
        try:
            earlier = record_of(seq)
        except LookupError:
            return found[::-1], seq
        body = (earlier.get("request") or {}).get("body")
        answer = (earlier.get("response") or {}).get("body_reassembled")
        asked = body if isinstance(body, dict) else {}
        said = _said_in(asked)
        found.append({**asked, said: _items(asked.get(said)) + _answered(answer)})
        seq, newer = _context(earlier), seq
    return found[::-1], None


def _said_in(body: Mapping[str, Any]) -> str:
    """Return the member that holds the conversation."""
    return "messages" if "messages" in body else "input"


def _answered(answer: Any) -> list[Any]:
    """Return what a later request would repeat of an answer."""
    if not isinstance(answer, dict):
        return []
    if answer.get("type") == "message":
        return [{"role": answer.get("role"), "content": answer.get("content")}]
    return _items(answer.get("output"))


def _context(record: Mapping[str, Any]) -> Any:
    return (record.get("request") or {}).get("context")


def _items(value: Any) -> list[Any]:
    """Return an input or output as a list of items; a text is a message of the user."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return value if isinstance(value, list) else []
