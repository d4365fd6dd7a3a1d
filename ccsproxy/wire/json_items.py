"""JSON objects with lists of mostly known items: these items stay undecoded bytes until they are needed.

Agents send the whole conversation again with every turn, and most readers of a request need only its beginning, its
end and the new items.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsIndex

import msgspec

from ccsproxy.wire import jsontext

_take_apart = msgspec.json.Decoder(
    dict[str, list[msgspec.Raw] | dict[str, Any] | str | int | float | bool | None]
).decode
_decode = msgspec.json.Decoder().decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
#: The member in which Code Assist wraps a request, and the number of bytes within which it begins.
WRAPPER, _EARLY = "request", 4096
_WRAPPED = re.compile(rb'"%b"\s*:\s*\{' % WRAPPER.encode())
#: How many bytes of one list's items stay decoded; those of longer lists are decoded each time, because a list of
#: many megabytes would otherwise be in memory twice.
_DECODED = 4 << 20
#: The hashes of so many items are remembered that have been decoded once, and so are JSON.
_REMEMBERED = 40_000
_read: set[int] = set()


class SentItems(list[Any]):
    """A list of JSON objects, each of which is decoded on first access.

    In Python it equals the result of `jsontext.loads`; an encoder sees undecoded items as ``msgspec.Raw``. It must
    not be changed.

    :ivar sent: the bytes of each item.
    """

    def __init__(self, sent: list[bytes]) -> None:
        """Create the list; new items are decoded now, so that errors are raised here.

        :raises msgspec.DecodeError: if one is not JSON; ``UnicodeError`` and ``RecursionError`` likewise.
        """
        self.sent = sent
        self._room = _DECODED
        super().__init__([msgspec.Raw(each) if hash(each) in _read else self._first_read(each) for each in sent])

    def _first_read(self, item: bytes) -> Any:
        value = _decode(item)
        if len(_read) >= _REMEMBERED:
            _read.clear()
        _read.add(hash(item))
        return value if self._has_room(item) else msgspec.Raw(item)

    def _has_room(self, item: bytes) -> bool:
        self._room -= len(item)
        return self._room >= 0

    def __getitem__(self, at: Any) -> Any:
        """Return an item, decoded."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        item = super().__getitem__(at)
        if item.__class__ is msgspec.Raw:
            item = jsontext.loads(self.sent[at])
            if self._has_room(self.sent[at]):
                super().__setitem__(at, item)
        return item

    def __iter__(self) -> Iterator[Any]:
        """Go through the items, decoded."""
        return map(self.__getitem__, range(len(self)))

    def __reversed__(self) -> Iterator[Any]:
        """Go through the items from the last on, decoded."""
        return map(self.__getitem__, range(len(self) - 1, -1, -1))

    def __contains__(self, value: object) -> bool:
        """Return whether an item is equal to a value."""
        return any(each == value for each in self)

    def __eq__(self, other: object) -> bool:
        """Compare with a list."""
        return isinstance(other, list) and len(self) == len(other) and all(map(_equal, self, other))

    def __ne__(self, other: object) -> bool:
        """Compare with a list."""
        return not self == other

    __hash__ = None

    def __add__(self, other: list[Any]) -> list[Any]:
        """Return a plain list of all items, decoded."""
        return [*self, *other]

    def __radd__(self, other: list[Any]) -> list[Any]:
        """Return a plain list of all items, decoded."""
        return [*other, *self]

    def index(self, value: Any, start: SupportsIndex = 0, stop: SupportsIndex = 1 << 62) -> int:
        """Return the index of an item."""
        return [*self].index(value, start, stop)

    def count(self, value: Any) -> int:
        """Return how many items are equal to a value."""
        return [*self].count(value)

    def copy(self) -> list[Any]:
        """Return a plain list of all items, decoded."""
        return [*self]


class WrittenItems(list[Any]):
    """A list of JSON objects for an encoder: ``msgspec.Raw`` for cached ones, else values.

    :ivar written: the cached form of each; None for a value.
    """

    def __init__(self, items: list[Any], written: list[bytes | None]) -> None:
        super().__init__(items)
        self.written = written


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)


def loads(text: bytes | bytearray, names: Iterable[str]) -> Any:
    """Decode one JSON value like `jsontext.loads`, with some lists in it, or in its wrapper, as `SentItems`.

    :param text: JSON text in UTF-8.
    :param names: the members of an object whose lists become `SentItems`.
    :raises JsonError: see there.
    """
    try:
        if _WRAPPED.search(text, 0, _EARLY) is not None:
            return {name: _raw_member(name, value, names) for name, value in _members_of(text).items()}
        return _object(text, names)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return jsontext.loads(text)


def _object(text: bytes | bytearray | msgspec.Raw, names: Iterable[str]) -> dict[str, Any]:
    members: dict[str, Any] = _take_apart(text)
    return {name: _member(value, name in names) for name, value in members.items()}


def _raw_member(name: str, value: msgspec.Raw, names: Iterable[str]) -> Any:
    """Read a member of an object that has a wrapped request in it, perhaps that one."""
    first = bytes(memoryview(value)[:1])
    if name == WRAPPER and first == b"{":
        return _object(value, names)
    if name in names and first == b"[":
        return _member(_decode_items(value), True)
    return _decode(value)


def _member(value: Any, lazily: bool) -> Any:
    if value.__class__ is not list:
        return value
    sent = [bytes(each) for each in value]
    if lazily and all(each[:1] == b"{" for each in sent):
        return SentItems(sent)
    return [_decode(each) for each in sent]


def has_items(value: Any) -> bool:
    """Return whether lists of a value, or of the request that it wraps, are `SentItems`."""
    return isinstance(value, dict) and (_has_items(value) or _has_items(wrapped(value)))


def wrapped(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that a body wraps; empty if it wraps none."""
    inner = value.get(WRAPPER)
    return inner if type(inner) is dict else {}


def _has_items(value: dict[str, Any]) -> bool:
    return any(each.__class__ is SentItems for each in value.values())


def plain(value: Any) -> Any:
    """Return a value that `loads` has read as `jsontext.loads` would have read it."""
    if not isinstance(value, dict):
        return value
    inner = wrapped(value)
    value = {**value, WRAPPER: plain(inner)} if _has_items(inner) else value
    return {name: [*each] if each.__class__ is SentItems else each for name, each in value.items()}
