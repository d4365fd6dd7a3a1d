"""The binary frames in which the relay passes its copies to the recorder: a fixed head, then a payload.

A frame is ``kind (1 byte), payload length (4), exchange number (8), microseconds since the exchange began (8)``,
little-endian, followed by the payload. Numbers are assigned by the relay processes, one per exchange, and mean
nothing outside the hand-over; their upper bits identify the relay process. Frames of exchanges are in the shared log
(`ccsproxy.capture.shared_log`), the others are sent over a socket.
"""

import struct
from typing import Any, NamedTuple

import msgspec

from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead

#: Frames of an exchange.
HEAD = 1
REQUEST_BODY = 2
RESPONSE_HEAD = 3
RESPONSE_BODY = 4
END = 5
LOST = 6
WHOLE = 7
#: From the main process to the recorder: its settings, a relay's log, and that nothing more will follow.
HELLO = 8
ATTACH = 9
CLOSE = 10
#: From a relay to the recorder: how far its log is written.
MORE = 11
#: From the main process to the recorder: changed settings.
RELOAD = 12

#: Prefix of a live event's line, so that it need not be parsed when nobody has subscribed.
EVENT = b'{"event":'
#: Position in an exchange number of the bits that identify the relay process.
RELAY_SHIFT = 40

FRAME_HEAD = struct.Struct("<BIQQ")
_LOST = struct.Struct("<BQ")
_MORE = struct.Struct("<QQ")
_encode = msgspec.msgpack.Encoder().encode


class Frame(NamedTuple):
    """One frame, as read from a relay's log."""

    kind: int
    exchange: int
    at: int
    payload: bytes


class EndFrame(msgspec.Struct, frozen=True, array_like=True):
    """The payload of END: the ending, and how many body bytes the tap saw, so that losses can be counted exactly."""

    ending: Ending
    request_bytes: int
    response_bytes: int


class WholeFrame(msgspec.Struct, frozen=True, array_like=True):
    """The payload of WHOLE: how the exchange ends once the client has received the response."""

    outcome: str
    kind: str
    message: str


class Lost(msgspec.Struct, frozen=True):
    """Body bytes that were relayed but not handed over.

    :ivar direction: `REQUEST_BODY` or `RESPONSE_BODY`.
    :ivar size: how many bytes, as far as known; END gives the exact sum.
    :ivar reason: the fault's name in the record.
    """

    direction: int
    size: int
    reason: str


class Attached(msgspec.Struct, frozen=True):
    """The payload of ATTACH; sent with the descriptors of log, journal and spill file, and of a link if the relay
    lives.

    :ivar relay: the number of the relay process, the upper bits of its exchange numbers.
    :ivar linked: whether there is a link, because the relay lives.
    :ivar spilling: whether there is a spill file.
    :ivar journals: the paths of its journal, removed when everything in it is settled.
    :ivar died: kind and message of the ending of exchanges that were in flight when it died.
    :ivar skip: exchanges that must not be processed, because recorders have died of them.
    """

    relay: int
    linked: bool
    spilling: bool
    journals: list[str]
    died: tuple[str, str]
    skip: list[int] = []


def frame(kind: int, exchange: int = 0, at: int = 0, payload: bytes = b"") -> bytes:
    """Encode a complete frame."""
    return FRAME_HEAD.pack(kind, len(payload), exchange, at) + payload


def encode(value: Any) -> bytes:
    """Encode the payload of a frame: any value that msgpack supports."""
    return _encode(value)


def lost(loss: Lost) -> bytes:
    """Encode the payload of LOST: how much of a body was dropped, and why."""
    return _LOST.pack(loss.direction, loss.size) + loss.reason.encode()


def more(position: tuple[int, int]) -> bytes:
    """Encode MORE: how far a relay's log is written.

    :param position: the number of the open region, and how many bytes of it are written.
    """
    return frame(MORE, payload=_MORE.pack(*position))


def message(kind: int, value: Any = None) -> bytes:
    """Encode HELLO, ATTACH, RELOAD or CLOSE."""
    return frame(kind, payload=_encode(value))


_decode_head = msgspec.msgpack.Decoder(RequestHead).decode
_decode_response_head = msgspec.msgpack.Decoder(ResponseHead).decode
_decode_end = msgspec.msgpack.Decoder(EndFrame).decode
_decode_whole = msgspec.msgpack.Decoder(WholeFrame).decode
_decode_attached = msgspec.msgpack.Decoder(Attached).decode


def read_head(payload: bytes) -> RequestHead:
    """Decode the payload of HEAD.

    :raises msgspec.DecodeError: if it is malformed; likewise the other readers.
    """
    return _decode_head(payload)


def read_response_head(payload: bytes) -> ResponseHead:
    """Decode the payload of RESPONSE_HEAD."""
    return _decode_response_head(payload)


def read_end(payload: bytes) -> EndFrame:
    """Decode the payload of END."""
    return _decode_end(payload)


def read_whole(payload: bytes) -> WholeFrame:
    """Decode the payload of WHOLE."""
    return _decode_whole(payload)


def read_lost(payload: bytes) -> Lost:
    """Decode the payload of LOST."""
    direction, size = _LOST.unpack_from(payload)
    return Lost(direction, size, payload[_LOST.size :].decode())


def read_more(payload: bytes) -> tuple[int, int]:
    """Decode the payload of MORE."""
    seq, length = _MORE.unpack(payload)
    return seq, length


def read_attached(payload: bytes) -> Attached:
    """Decode the payload of ATTACH."""
    return _decode_attached(payload)


def read_message(payload: bytes) -> Any:
    """Decode the payload of HELLO or RELOAD."""
    return msgspec.msgpack.decode(payload)


class FrameDecoder:
    """Splits a byte stream into frames, in linear time however it is split.

    An incomplete frame waits in one buffer, and is not examined again until it is complete.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = FRAME_HEAD.size

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes.

        :return: the frames that they complete, in order.
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
