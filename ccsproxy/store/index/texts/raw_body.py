"""Splits a request body without decoding it: its members, and the items of its lists, as JSON.

Full text, previews and facts take the same body apart one after the other, and traversing a megabyte takes as long as
decoding it, so the result of the last body is cached.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from ccsproxy.store.segments.line_apart import LineApart

#: Of longer bodies nothing is remembered; and no more than a system prompt, tools and messages of one.
_LONGEST, _MOST = 2 << 20, 3
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


#: JSON, as bytes or as a part of a decoded value. The cache recognises a part by identity, not by content, because
#: comparing a megabyte would mean traversing it again. The body and lists of a line that was just written come
#: already split.
Json = bytes | msgspec.Raw | LineApart | list[bytes]
_Text = bytes | msgspec.Raw


class _Lately:
    """The results for the last body; a tuple that is replaced, so that threads see all of it or none."""

    def __init__(self, decode: Any) -> None:
        self._decode = decode
        self._results: tuple[tuple[_Text, Any], ...] = ()

    def __call__(self, data: _Text) -> Any:
        for known, found in self._results:
            if known is data:
                return found
        found = self._decode(data)
        if memoryview(data).nbytes <= _LONGEST:
            self._results = (data, found), *self._results[: _MOST - 1]
        return found


_members, _items = _Lately(_decode_members), _Lately(_decode_items)


def begins(data: Json) -> bytes:
    """Return the first byte of JSON, which distinguishes objects, lists and strings; empty for empty input."""
    if isinstance(data, list):
        return b"["
    if isinstance(data, LineApart):
        return b"{"
    return bytes(memoryview(data)[:1])


def is_empty(data: Json) -> bool:
    """Return whether JSON is null or an empty list without blanks."""
    if isinstance(data, list):
        return not data
    if isinstance(data, LineApart):
        return False
    return bytes(memoryview(data)[:4]) in (b"[]", b"null")


def decoded(data: Json) -> Any:
    """Return the value of JSON.

    :raises msgspec.DecodeError: if it is invalid.
    """
    if isinstance(data, LineApart):
        return {name: decoded(value) for name, value in data.members.items()}
    return [msgspec.json.decode(item) for item in data] if isinstance(data, list) else msgspec.json.decode(data)


def members_of(data: Json) -> Mapping[str, Json]:
    """Return the members of a JSON object, which must not be changed.

    :raises msgspec.DecodeError: if it is not an object.
    """
    if isinstance(data, LineApart):
        return data.members
    found: dict[str, msgspec.Raw] = _members(cast(_Text, data))
    return found


def items_of(data: Json) -> Sequence[bytes | msgspec.Raw]:
    """Return the items of a JSON list, which must not be changed.

    :raises msgspec.DecodeError: if it is not a list.
    """
    if isinstance(data, list):
        return data
    found: list[msgspec.Raw] = _items(cast(_Text, data))
    return found
