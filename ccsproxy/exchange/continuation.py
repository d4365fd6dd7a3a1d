"""A request that continues an earlier response, with all that the model was given: by following ``request.context``.

Over a WebSocket, and wherever ``previous_response_id`` is used, a request holds only what is new; what came before it
stands in the records that it continues. What is made here is for reading: a record stays what was sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

#: The longest chain that is followed; no conversation is longer without having been compacted.
_LONGEST = 5000
#: What a request may leave out because the one before it has said it.
_INHERITED = ("instructions", "tools", "model")


def with_context(record: dict[str, Any], record_of: Callable[[int], Mapping[str, Any]]) -> dict[str, Any]:
    """Return a record whose request body holds the whole input.

    :param record_of: returns a record of the session by its seq; raises LookupError for one that is not kept.
    :return: the record itself where nothing is continued; else a copy, whose body has the whole ``input``, and
        ``_missing_context`` with the seq where the chain broke off, if it did.
    """
    request = record.get("request") or {}
    body = request.get("body")
    if not isinstance(body, dict) or not isinstance(request.get("context"), int):
        return record
    chain, missing = _chain(record, record_of)
    whole = {key: value for each in (*chain, body) for key, value in each.items() if key in _INHERITED}
    whole = {**whole, **body, "input": [item for each in chain for item in each["input"]] + _items(body.get("input"))}
    if missing is not None:
        whole["_missing_context"] = missing
    return {**record, "request": {**request, "body": whole}}


def _chain(
    record: Mapping[str, Any], record_of: Callable[[int], Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], int | None]:
    """Collect what a request continues, oldest first: bodies whose input ends with what was answered."""
    found: list[dict[str, Any]] = []
    seq, newer = _context(record), int(record.get("seq") or 0)
    while isinstance(seq, int) and 0 < seq < newer and len(found) < _LONGEST:
        try:
            earlier = record_of(seq)
        except LookupError:
            return found[::-1], seq
        body = (earlier.get("request") or {}).get("body")
        answer = (earlier.get("response") or {}).get("body_reassembled")
        asked = body if isinstance(body, dict) else {}
        output = answer.get("output") if isinstance(answer, dict) else None
        found.append({**asked, "input": _items(asked.get("input")) + _items(output)})
        seq, newer = _context(earlier), seq
    return found[::-1], None


def _context(record: Mapping[str, Any]) -> Any:
    return (record.get("request") or {}).get("context")


def _items(value: Any) -> list[Any]:
    """Return an input or output as a list of items; a text is a message of the user."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return value if isinstance(value, list) else []
