"""The frames in which the relay hands its copies to the recorder: a fixed head, then a payload.

A frame is ``kind (1 byte), length of the payload (4), exchange number (8), microseconds since the exchange began
(8)``, little-endian, and the payload. Numbers are given by the relay process, one for each exchange, and mean nothing
outside the link. Encoding a body copies nothing: the body stays an object of its own behind a packed head.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead

HEAD = 1
REQUEST_BODY = 2
RESPONSE_HEAD = 3
RESPONSE_BODY = 4
END = 5
LOST = 6
SPILL = 7
HELLO = 8
RESUME = 9
CLOSE = 10

#: The two kinds that may be dropped while the exchange is kept. Each is a bit of its own: a set of them is a number.
BODIES = frozenset((REQUEST_BODY, RESPONSE_BODY))

FRAME_HEAD = struct.Struct("<BIQQ")
_LOST = struct.Struct("<BQ")
_SPILL = struct.Struct("<QQ16s")
_encode = msgspec.msgpack.Encoder().encode

#: One encoded frame: its bytes, or its packed head and a body that was not copied.
Encoded = bytes | tuple[bytes, bytes]

#: How the line of a live event begins, so that nobody needs to read one that nobody wants.
EVENT = b'{"event":'


class Frame(NamedTuple):
    """One frame as it arrived."""

    kind: int
    exchange: int
    at: int
    payload: bytes


class EndFrame(msgspec.Struct, frozen=True, array_like=True):
    """The payload of END: the ending, and how many body bytes the tap saw, so that a loss can be counted exactly."""

    ending: Ending
    request_bytes: int
    response_bytes: int


class Lost(msgspec.Struct, frozen=True):
    """Body bytes that were relayed and not handed over.

    :ivar direction: `REQUEST_BODY` or `RESPONSE_BODY`.
    :ivar size: how many bytes, as far as it is known; END tells the exact sum.
    :ivar reason: the fault's name for the record.
    """

    direction: int
    size: int
    reason: str


class Spilled(msgspec.Struct, frozen=True):
    """Where in the spill file a run of whole frames lies, encrypted, and the nonce that was used."""

    offset: int
    length: int
    nonce: bytes


def frame(kind: int, exchange: int = 0, at: int = 0, payload: bytes = b"") -> bytes:
    """Encode a frame in one piece."""
    return FRAME_HEAD.pack(kind, len(payload), exchange, at) + payload


def head(exchange: int, at: int, request: RequestHead) -> bytes:
    """Encode HEAD: a request's head, with which its exchange begins."""
    return frame(HEAD, exchange, at, _encode(request))


def response_head(exchange: int, at: int, response: ResponseHead) -> bytes:
    """Encode RESPONSE_HEAD: status and header lines of the answer."""
    return frame(RESPONSE_HEAD, exchange, at, _encode(response))


def end(exchange: int, at: int, ended: EndFrame) -> bytes:
    """Encode END: how the exchange ended, its last frame."""
    return frame(END, exchange, at, _encode(ended))


def lost(exchange: int, at: int, loss: Lost) -> bytes:
    """Encode LOST: how much of a body was left out, and why."""
    return frame(LOST, exchange, at, _LOST.pack(loss.direction, loss.size) + loss.reason.encode())


def spill(where: Spilled) -> bytes:
    """Encode SPILL: where in the spill file a batch of frames lies."""
    return frame(SPILL, payload=_SPILL.pack(where.offset, where.length, where.nonce))


def settings(kind: int, value: Any) -> bytes:
    """Encode HELLO or RESUME, whose payload is any value that msgpack can carry."""
    return frame(kind, payload=_encode(value))


_decode_head = msgspec.msgpack.Decoder(RequestHead).decode
_decode_response_head = msgspec.msgpack.Decoder(ResponseHead).decode
_decode_end = msgspec.msgpack.Decoder(EndFrame).decode


def read_head(payload: bytes) -> RequestHead:
    """Decode the payload of HEAD.

    :raises msgspec.DecodeError: when it is not one; so do the other readers.
    """
    return _decode_head(payload)


def read_response_head(payload: bytes) -> ResponseHead:
    """Decode the payload of RESPONSE_HEAD."""
    return _decode_response_head(payload)


def read_end(payload: bytes) -> EndFrame:
    """Decode the payload of END."""
    return _decode_end(payload)


def read_lost(payload: bytes) -> Lost:
    """Decode the payload of LOST."""
    direction, size = _LOST.unpack_from(payload)
    return Lost(direction, size, payload[_LOST.size :].decode())


def read_spill(payload: bytes) -> Spilled:
    """Decode the payload of SPILL."""
    return Spilled(*_SPILL.unpack(payload))


def read_settings(payload: bytes) -> Any:
    """Decode the payload of HELLO or RESUME."""
    return msgspec.msgpack.decode(payload)


def size_of(encoded: Encoded) -> int:
    """Return how many bytes an encoded frame has on the link."""
    return len(encoded) if isinstance(encoded, bytes) else FRAME_HEAD.size + len(encoded[1])


def peek(encoded: Encoded) -> tuple[int, int, int]:
    """Return kind, exchange number and payload length of an encoded frame."""
    kind, length, exchange, _ = FRAME_HEAD.unpack_from(encoded if isinstance(encoded, bytes) else encoded[0])
    return kind, exchange, length


def without_bodies(run: Iterable[Encoded], reason: str) -> Iterator[Encoded]:
    """Yield a run of frames without its bodies, a LOST where the first one of each direction was.

    :param reason: the fault's name for the record.
    """
    gaps: set[tuple[int, int]] = set()
    for encoded in run:
        kind, exchange, length = peek(encoded)
        if kind not in BODIES:
            yield encoded
        elif (exchange, kind) not in gaps:
            gaps.add((exchange, kind))
            yield lost(exchange, 0, Lost(kind, length, reason))


class FrameDecoder:
    """Cuts a byte stream into frames, in time linear in its length however it is cut.

    What is unfinished waits in one buffer, and nothing of it is looked at again until the whole frame is there.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = FRAME_HEAD.size

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        :return: the frames they complete, in their order.
        """
        self._buffer += data
        return self._frames() if len(self._buffer) >= self._needed else []

    def _frames(self) -> list[Frame]:
        found, start, buffered = [], 0, len(self._buffer)
        size = FRAME_HEAD.size
        with memoryview(self._buffer) as view:
            while True:
                if buffered - start < size:
                    self._needed = size
                    break
                kind, length, exchange, at = FRAME_HEAD.unpack_from(view, start)
                self._needed = size + length
                if buffered - start < self._needed:
                    break
                body = start + size
                start = body + length
                found.append(Frame(kind, exchange, at, bytes(view[body:start])))
        del self._buffer[:start]
        return found
