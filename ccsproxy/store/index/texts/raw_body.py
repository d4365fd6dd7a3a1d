"""A request body taken apart without being decoded: its members, and the items of its lists, as JSON.

Full text and previews take the same body apart one after the other, and going through a megabyte takes as long as
decoding it: what the last one was made of is remembered.
"""

from typing import Any

import msgspec

#: Of longer bodies nothing is remembered.
_LONGEST = 4 << 20
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Last:
    """The result for the last text that was taken apart; one tuple, so that threads see both or neither."""

    def __init__(self, decode: Any) -> None:
        self._decode = decode
        self._last: tuple[bytes, Any] = (b"", None)

    def __call__(self, data: bytes) -> Any:
        known, found = self._last
        if found is None or known != data:
            found = self._decode(data)
            if len(data) <= _LONGEST:
                self._last = data, found
        return found


_members, _items = _Last(_decode_members), _Last(_decode_items)


def members_of(data: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, which must not be changed.

    :raises msgspec.DecodeError: when it is none.
    """
    found: dict[str, msgspec.Raw] = _members(data)
    return found


def items_of(data: bytes) -> list[msgspec.Raw]:
    """Return the items of a JSON list, which must not be changed.

    :raises msgspec.DecodeError: when it is none.
    """
    found: list[msgspec.Raw] = _items(data)
    return found
