"""A long record as a line whose body is known item by item, for whoever reads it next in the same process."""

import os
from typing import Any
from zlib import crc32

import attr
import msgspec

from ccsproxy.exchange.record import Record
from ccsproxy.wire.json_items import WrittenItems, wrapped

_encoder = msgspec.json.Encoder(decimal_format="number")
#: Stands for the body while the rest is encoded; nobody can have written it into a record.
_BODY = b'"%b"' % os.urandom(16).hex().encode()


@attr.frozen
class LineApart:
    """A line, and what it says of the request's body without being read.

    :ivar line: as `ccsproxy.exchange.codec.encode` writes it.
    :ivar bare: its JSON with an empty object for the body.
    :ivar members: of the body: JSON, of lists of items the JSON of each, of a wrapped request one without a line.
    """

    line: bytes
    bare: bytes
    members: "dict[str, bytes | list[bytes] | LineApart]"


def encode_apart(record: Record) -> LineApart | None:
    """Write a record whose body has lists of `WrittenItems`.

    :return: None for another one, and for one that has to be written with escapes.
    """
    body = record.request.body
    if not isinstance(body, dict) or not (_has_items(body) or _has_items(wrapped(body))):
        return None
    try:
        members = {name: _member(value) for name, value in body.items()}
        written = _encoder.encode(body)
        request = msgspec.structs.replace(record.request, body=msgspec.Raw(_BODY))
        around = _encoder.encode(msgspec.structs.replace(record, request=request))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    head, mark, tail = around.partition(_BODY)
    if not mark or b"\n" in written or b"\n" in around:
        return None
    tail = tail[:-1]
    checksum = crc32(tail, crc32(written, crc32(head)))
    line = b"".join((head, written, tail, b',"crc32":"%08x"}\n' % checksum))
    return LineApart(line, b"".join((head, b"{}", tail, b"}")), members)


def _has_items(value: dict[str, Any]) -> bool:
    return any(each.__class__ is WrittenItems for each in value.values())


def _member(value: Any) -> "bytes | list[bytes] | LineApart":
    if type(value) is dict and _has_items(value):
        return LineApart(b"", b"", {name: _member(each) for name, each in value.items()})
    if value.__class__ is not WrittenItems:
        return _encoder.encode(value)
    return [_encoder.encode(item) if form is None else form for item, form in zip(value, value.written, strict=True)]
