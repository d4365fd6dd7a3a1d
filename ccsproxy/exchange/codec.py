"""Records as lines: one JSON object without newlines, whose last member is a checksum of the rest."""

import json
import re
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn, cast
from zlib import crc32

import msgspec

#: ``,"crc32":"`` 8 lower-case hexadecimal digits, ``"}`` and a newline.
TAIL_LENGTH = 21
_TAIL = re.compile(rb'\A,"crc32":"[0-9a-f]{8}"}\n\Z')

#: The first members of a record, up to the last that identifies it, and within how many bytes they must be.
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_FIRST_MEMBERS = re.compile(
    rb'{"id":(%s),"seq":(\d+),"session_id":(%s),(?:"request_id":(?:null|%s),)?"started_at":(%s),' % ((_TEXT,) * 4)
)
_BEFORE_BODY = 4096

#: Longer lines are not copied again.
_COPIED = 1 << 20
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder()


class LineError(ValueError):
    """The line is damaged, or is not a record line."""


class RecordHead(msgspec.Struct, frozen=True, kw_only=True):
    """The members that identify a line; found without parsing the rest of it.

    :ivar event: ``started``, ``segment``, ``closed``, or ``record`` for the record itself, which has no such member.
    """

    id: str = ""
    seq: int = 0
    session_id: str = ""
    started_at: str = ""
    event: str = "record"


_head_decoder = msgspec.json.Decoder(RecordHead)


def encode(value: Any) -> bytes:
    """Encode a record, a ``started`` note or any other object as a line.

    :param value: a Struct or a dict; it may contain lone surrogates, which are written as escapes, and `msgspec.Raw`.
    :return: the complete line with its newline; a long one as a ``bytearray``, to avoid a copy.
    :raises ValueError: if it cannot be written as JSON; ``TypeError``, ``OverflowError`` and ``RecursionError``
    likewise.
    """
    line = _object(value)
    # The checksum becomes the last member, so that the line is still valid JSON.
    line.pop()
    line += tail_of(crc32(line))
    return bytes(line) if len(line) <= _COPIED else cast(bytes, line)


def tail_of(checksum: int) -> bytes:
    """Return what ends a line, from behind the last member on.

    :param checksum: of everything before it.
    """
    return b',"crc32":"%08x"}\n' % checksum


def verify(line: bytes) -> bool:
    """Tell whether a line is complete and undamaged.

    :param line: with its newline.
    """
    at = len(line) - TAIL_LENGTH
    # The form of the tail first: most damage is a truncated line, which needs no checksum.
    if at < 1 or not _TAIL.match(line[at:]):
        return False
    return int(line[at + 10 : at + 18], 16) == crc32(memoryview(line)[:at])


def strip(line: bytes) -> bytes:
    """Return the JSON text of a line without checksum and newline; call `verify` first."""
    return b"".join((memoryview(line)[:-TAIL_LENGTH], b"}"))


def decode(line: bytes) -> dict[str, Any]:
    """Parse a line.

    :return: its members without the checksum.
    :raises LineError: if it fails verification, or is not an object.
    """
    if not verify(line):
        raise LineError("the line is truncated or damaged")
    value = _loads(strip(line))
    if not isinstance(value, dict):
        raise LineError("the line does not contain an object")
    return value


def head(line: bytes) -> RecordHead:
    """Parse the members that identify a line and skip everything else; call `verify` first.

    :raises LineError: if the line is not an object with suitable members.
    """
    try:
        return _head_decoder.decode(line)
    except msgspec.ValidationError as error:
        raise LineError(str(error)) from None
    except (msgspec.MsgspecError, UnicodeError):
        # The fast parser refuses a whole line because of one surrogate in a member that is not needed here.
        return _pick_head(_loads(line))
    except RecursionError:
        return _first_members(line)


def _first_members(line: bytes) -> RecordHead:
    """Find the identifying members of a record whose body is nested too deeply to be parsed; they precede the body.

    How deep is too deep depends on how much of the stack is in use: the process that wrote the line could parse it.
    """
    found = _FIRST_MEMBERS.match(line[:_BEFORE_BODY])
    if found is None:
        raise LineError("the line is nested too deeply")
    record_id, seq, session, started_at = (_loads(each) for each in found.groups())
    return RecordHead(id=record_id, seq=seq, session_id=session, started_at=started_at)


def _pick_head(value: Any) -> RecordHead:
    members = value if isinstance(value, dict) else {}
    try:
        return msgspec.convert(
            {name: members[name] for name in RecordHead.__struct_fields__ if name in members}, RecordHead
        )
    except msgspec.MsgspecError as error:
        raise LineError(str(error)) from None


def _object(value: Any) -> bytearray:
    text = bytearray()
    try:
        _encoder.encode_into(value, text)
    # A lone surrogate sent by an agent: it has no UTF-8 form, and JSON can only write it as an escape.
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value, builtin_types=(Decimal, msgspec.Raw), str_keys=True)
        text = bytearray(_escaped(plain), "ascii")
    if b"\n" in text:  # only a Raw member can contain one
        text = bytearray(msgspec.json.format(bytes(text), indent=-1))
    if not text.startswith(b'{"'):
        raise ValueError("only an object with members can be a line")
    return text


def _escaped(value: Any) -> str:
    """Serialise as JSON in ASCII: the only form for a lone surrogate."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_escaped(str(key))}:{_escaped(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_escaped, value)) + "]"
    if isinstance(value, msgspec.Raw):
        return _escaped(_loads(bytes(value)))
    return _encoder.encode(value).decode("ascii")


def _loads(text: bytes) -> Any:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return _loads_forgiving(text)
    except RecursionError:
        raise LineError("the line is nested too deeply") from None


def _loads_forgiving(text: bytes) -> Any:
    """Parse what the fast parser refuses although it is JSON: lone surrogates and numbers beyond a double."""
    try:
        return json.loads(text, parse_float=_float, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise LineError(f"the line does not contain JSON: {error}") from None


def _float(text: str) -> float | Decimal:
    value = float(text)
    # A number beyond a double keeps its exact value; as infinity it could not be written again.
    return value if abs(value) != float("inf") else Decimal(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
