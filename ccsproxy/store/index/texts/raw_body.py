"""Splits a request body without decoding it: its members, and the items of its lists, as JSON.

Full text, previews and facts take the same body apart one after the other, and going through a megabyte takes as
long as decoding it: what the last one was made of is remembered.
"""

from typing import Any

import msgspec

#: Of longer bodies nothing is remembered; and no more than a system prompt, tools and messages of one.
_LONGEST, _MOST = 2 << 20, 3
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


#: JSON, as bytes or as a part of what was decoded. A part is known again by what it is, not by what it says: to
#: compare a megabyte is to go through it once more.
Json = bytes | msgspec.Raw


class _Lately:
    """The results for what was taken apart last; a tuple that is replaced, so that threads see all of it or none."""

    def __init__(self, decode: Any) -> None:
        self._decode = decode
        self._results: tuple[tuple[Json, Any], ...] = ()

    def __call__(self, data: Json) -> Any:
        for known, found in self._results:
            if known is data:
                return found
        found = self._decode(data)
        if memoryview(data).nbytes <= _LONGEST:
            self._results = (data, found), *self._results[: _MOST - 1]
        return found


_members, _items = _Lately(_decode_members), _Lately(_decode_items)


def begins(data: Json) -> bytes:
    """Return the first byte of JSON, which tells an object, a list and text apart; nothing of nothing."""
    return bytes(memoryview(data)[:1])


def members_of(data: Json) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, which must not be changed.

    :raises msgspec.DecodeError: when it is none.
    """
    found: dict[str, msgspec.Raw] = _members(data)
    return found


def items_of(data: Json) -> list[msgspec.Raw]:
    """Return the items of a JSON list, which must not be changed.

    :raises msgspec.DecodeError: when it is none.
    """
    found: list[msgspec.Raw] = _items(data)
    return found
