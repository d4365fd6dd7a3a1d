"""Reads of a record what facts are made of: not the text of its stream, nor messages that were read before.

A conversation is sent again with every call, so most of a record is messages that are known by their bytes. They are
left as they are, for `ccsproxy.insight.collect` to decode those that are new.
"""

import re
from typing import Any

import msgspec

from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.store.summary import plain_json


class _Chunks(msgspec.Struct):
    """What is read of a stream: when its pieces came."""

    chunks: list[tuple[float, int]] = []


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_chunks = msgspec.json.Decoder(_Chunks)
_values = msgspec.json.Decoder(list[msgspec.Raw])
_decode = msgspec.json.decode
#: The members of a body that hold the conversation or tools, and what an item of it has that has to be looked at.
_CONVERSATIONS = ("messages", "input", "contents")
_MARKS = re.compile(rb'"(?:cache_control|cachePoint|prompt_cache_breakpoint|additional_tools)"')
_SYSTEM_ROLES = ("system", "developer")


def read_record(line: bytes) -> dict[str, Any]:
    """Read a line's record, in the current schema version; items of the conversation may be ``msgspec.Raw``.

    :raises ValueError: when it is none.
    """
    try:
        # An escape may be half a character, which strict readers refuse wherever it is decoded.
        record = _lean(line) if b"\\ud" not in line else msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        record = msgspec.json.decode(plain_json(line))
    record.pop("crc32", None)
    return upgrade(record)


def _lean(line: bytes) -> dict[str, Any]:
    members = _members.decode(line)
    return {name: _READERS.get(name, _decode)(value) for name, value in members.items()}


def _request(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    return {name: _body(value) if name == "body" else _decode(value) for name, value in _members.decode(raw).items()}


def _body(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    members = _members.decode(raw)
    body = {}
    for name, value in members.items():
        if name in _CONVERSATIONS:
            body[name] = _items(value)
        elif name == "tools" and not members.keys().isdisjoint(_CONVERSATIONS[:2]):
            body[name] = _items(value, leading=False)
        else:
            body[name] = _decode(value)
    return body


def _items(raw: msgspec.Raw, leading: bool = True) -> Any:
    """Read a list, but for items without marks that are not part of the prompt.

    :param leading: also decode the system's messages at its beginning.
    """
    if bytes(memoryview(raw)[:1]) != b"[":
        return _decode(raw)
    marked = _MARKS.search(raw) is not None
    values: list[Any] = []
    for value in _values.decode(raw):
        if leading or (marked and _MARKS.search(value)):
            values.append(_decode(value))
            leading = leading and isinstance(values[-1], dict) and values[-1].get("role") in _SYSTEM_ROLES
        else:
            values.append(value)
    return values


def _response(raw: msgspec.Raw) -> Any:
    if not _is_object(raw):
        return _decode(raw)
    inner = _members.decode(raw)
    stream = inner.pop("stream", None)
    response = {name: _decode(value) for name, value in inner.items()}
    if stream is not None:
        response["stream"] = msgspec.to_builtins(_chunks.decode(stream))
    return response


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


_READERS = {"request": _request, "response": _response}
