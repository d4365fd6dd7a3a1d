"""Lines of many megabytes, which are encoded and written in pieces: none is held as a whole beside its record."""

import os
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record

#: About how many bytes are encoded and written at once, and how many characters of a text.
PIECE = 256 << 10
#: Values are taken apart down to this depth, below which they are encoded whole: what is long is a text, or a list of
#: what a conversation consists of.
_DEPTH = 10
#: Stands for a long member while the rest is encoded; nobody can have written it into a record.
_MARK = os.urandom(16).hex()
_encode = msgspec.json.Encoder(decimal_format="number").encode
_SCALARS = (int, float, bool, type(None))


class LongLine:
    """A record as a line that is encoded anew whenever its pieces are asked for.

    Everything that can fail fails when it is made: all pieces have been encoded once, so that none of a line is
    written that cannot be written to its end.

    :raises ValueError: if the record cannot be encoded in pieces: a lone surrogate is in it, or a newline; likewise
        ``TypeError``, ``OverflowError`` and ``RecursionError``.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._length, self._sum = 0, 0
        for piece in _object(record):
            if b"\n" in piece:
                raise ValueError("only the end of a line may be a newline")
            self._length += len(piece)
            self._sum = crc32(piece, self._sum)

    def __len__(self) -> int:
        """Return the length of the line in bytes."""
        return self._length + codec.TAIL_LENGTH

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the line, its checksum and newline included."""
        yield from _object(self._record)
        yield codec.tail_of(self._sum)


def _object(record: Record) -> Iterator[bytes]:
    """Yield the JSON of a record without its last brace, in pieces of about `PIECE` bytes."""
    buffer = bytearray()
    for part in _struct(record, 0):
        buffer += part
        if len(buffer) >= PIECE:
            # The last byte stays back: it may be the brace.
            yield bytes(memoryview(buffer)[:-1])
            del buffer[:-1]
    yield bytes(memoryview(buffer)[:-1])


def _value(value: Any, depth: int) -> Iterator[bytes]:
    kind = type(value)
    if kind is str:
        yield from _text(value)
    elif kind is dict and depth < _DEPTH:
        yield from _members(value, depth)
    elif isinstance(value, list) and depth < _DEPTH:
        yield from _items(value, depth)
    elif isinstance(value, msgspec.Struct):
        yield from _struct(value, depth)
    else:
        yield _encode(value)


def _text(text: str) -> Iterator[bytes]:
    if len(text) <= PIECE:
        yield _encode(text)
        return
    yield b'"'
    for start in range(0, len(text), PIECE):
        yield _encode(text[start : start + PIECE])[1:-1]
    yield b'"'


def _members(value: dict[Any, Any], depth: int) -> Iterator[bytes]:
    before = b"{"
    for name, member in value.items():
        if type(name) is not str:
            raise TypeError("only texts are names of members")
        yield before + _encode(name) + b":"
        yield from _value(member, depth + 1)
        before = b","
    yield b"{}" if before == b"{" else b"}"


def _items(values: list[Any], depth: int) -> Iterator[bytes]:
    before, scalars = b"[", []
    # As a list: a subclass may have its own ideas of what its items are.
    for item in list.__iter__(values):
        if isinstance(item, _SCALARS):
            scalars.append(item)
            if len(scalars) < 1024:
                continue
        if scalars:
            yield before + _encode(scalars)[1:-1]
            before, scalars = b",", []
        if not isinstance(item, _SCALARS):
            yield before
            yield from _value(item, depth + 1)
            before = b","
    if scalars:
        yield before + _encode(scalars)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _struct(value: msgspec.Struct, depth: int) -> Iterator[bytes]:
    """Yield a structure member by member, of which those that are unset or left to a default are not written."""
    holes = {name: member for name in value.__struct_fields__ if _may_be_long(member := getattr(value, name))}
    if not holes:
        yield _encode(value)
        return
    marks = {name: msgspec.Raw(f'"{_MARK}{number}"'.encode()) for number, name in enumerate(holes)}
    around = _encode(msgspec.structs.replace(value, **marks))
    for name, mark in marks.items():
        before, found, around = around.partition(bytes(mark))
        if found:
            yield before
            yield from _value(holes[name], depth + 1)
        else:
            around = before
    yield around


def _may_be_long(member: Any) -> bool:
    return isinstance(member, dict | list | msgspec.Struct) or (type(member) is str and len(member) > PIECE)
