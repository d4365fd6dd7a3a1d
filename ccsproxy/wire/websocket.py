"""WebSocket messages decoded from a copy of the bytes (RFC 6455), with permessage-deflate (RFC 7692).

Framing is done by wsproto. Messages are assembled and inflated here, because a passive reader has other needs than a
peer: it never answers, a message that is too large to keep must not stop it, and errors for which a peer would close
the connection only end its decoding.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameDecoder, Opcode, ParseFailed, RsvBits

#: How many bytes are inflated in one step.
_STEP = 64 << 10
#: The bytes that every deflated message omits at its end.
_TAIL = b"\x00\x00\xff\xff"
DEFLATE = "permessage-deflate"


class FrameSize(NamedTuple):
    """One frame: when its last byte arrived in microseconds, and the length of its payload on the wire."""

    at: int
    size: int


class SocketMessage(NamedTuple):
    """One message, or one control frame.

    :ivar kind: ``text``, ``binary``, ``close``, ``ping`` or ``pong``.
    :ivar data: its content, inflated; the beginning of a message that is too long.
    :ivar length: its total length, inflated.
    :ivar frames: the frames in which it arrived.
    """

    kind: str
    data: bytes
    length: int
    frames: tuple[FrameSize, ...]

    @property
    def whole(self) -> bool:
        """Whether its data is complete."""
        return len(self.data) == self.length


class MessageReader:
    """Decodes one direction of a connection.

    :ivar damaged: the bytes are not WebSocket, or do not match the negotiated extensions: nothing more is decoded.

    :param from_client: the direction; bytes from a client are masked.
    :param extensions: the value of ``Sec-WebSocket-Extensions`` in the server's response.
    :param limit: how many bytes of a message are kept at most.
    """

    def __init__(self, *, from_client: bool, extensions: str, limit: int) -> None:
        deflate = _Inflate.agreed(extensions, from_client=from_client, limit=limit)
        self._decoder = FrameDecoder(not from_client, [deflate] if deflate is not None else [])
        self._deflate = deflate
        self._limit = limit
        self._kind = ""
        self._pieces: list[bytes] = []
        self._kept = self._length = 0
        self._frames: list[FrameSize] = []
        self.damaged = False

    def feed(self, data: bytes, at: int) -> list[SocketMessage]:
        """Take the next bytes.

        :param at: when they arrived, in microseconds.
        :return: the messages that they complete.
        """
        if self.damaged:
            return []
        found: list[SocketMessage] = []
        self._decoder.receive_bytes(data)
        try:
            while (frame := self._decoder.process_buffer()) is not None:
                found += self._take(frame, at)
        # wsproto asserts where its own peer could not go wrong; a passive reader meets whatever peers really send.
        except (ParseFailed, AssertionError):
            self.damaged = True
        return found

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._kind) or bool(self._decoder.header) or bool(len(self._decoder.buffer))

    def _take(self, frame: Frame, at: int) -> list[SocketMessage]:
        payload = frame.payload if isinstance(frame.payload, bytes) else b""
        size = FrameSize(at, self._decoder.payload_consumed)
        if frame.opcode.iscontrol():
            return [SocketMessage(frame.opcode.name.lower(), payload, len(payload), (size,))]
        if frame.opcode is not Opcode.CONTINUATION:
            if self._kind:
                raise ParseFailed("a message begins before the last one has ended")
            self._kind = frame.opcode.name.lower()
        elif not self._kind:
            raise ParseFailed("a continuation frame without a message")
        self._keep(payload)
        if not frame.frame_finished:
            return []
        self._frames.append(size)
        return [self._end()] if frame.message_finished else []

    def _keep(self, payload: bytes) -> None:
        # The true length counts what is not kept, too: a record states how much it lacks.
        self._length += len(payload) + (self._deflate.left_out() if self._deflate is not None else 0)
        if self._kept < self._limit:
            piece = payload[: self._limit - self._kept]
            self._pieces.append(piece)
            self._kept += len(piece)

    def _end(self) -> SocketMessage:
        message = SocketMessage(self._kind, b"".join(self._pieces), self._length, tuple(self._frames))
        self._kind, self._pieces, self._frames = "", [], []
        self._kept = self._length = 0
        return message


class _Inflate(Extension):
    """permessage-deflate for one direction, with bounded memory per message.

    A message is inflated to its end even if no more of it is kept: the next one may refer to it.

    :param takeover: a message may refer to the previous one (context takeover).
    :param limit: how much of a message is passed on.
    """

    name = DEFLATE

    def __init__(self, *, takeover: bool, limit: int) -> None:
        self._takeover = takeover
        self._limit = limit
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._compressed = False
        self._control = False
        self._handed = self._left_out = 0

    @classmethod
    def agreed(cls, extensions: str, *, from_client: bool, limit: int) -> _Inflate | None:
        """Return the extension if the two sides have negotiated it.

        The negotiated window size is ignored: the largest one can decode all.
        """
        for each in extensions.lower().split(","):
            name, *parameters = (part.strip() for part in each.split(";"))
            if name == DEFLATE:
                alone = ("client" if from_client else "server") + "_no_context_takeover"
                return cls(takeover=alone not in parameters, limit=limit)
        return None

    def enabled(self) -> bool:
        """Tell that it is in use."""
        return True

    def offer(self) -> bool:
        """Offer nothing: there is no peer."""
        return False

    def left_out(self) -> int:
        """Return how many bytes were inflated and not passed on since the last call."""
        left_out, self._left_out = self._left_out, 0
        return left_out

    def frame_inbound_header(
        self, proto: object, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Take the first reserved bit of a frame, which marks a deflated message in its first frame."""
        self._control = opcode.iscontrol()
        if rsv.rsv1 and (self._control or opcode is Opcode.CONTINUATION):
            return CloseReason.PROTOCOL_ERROR
        if not self._control and opcode is not Opcode.CONTINUATION:
            self._compressed = rsv.rsv1
        return RsvBits(True, False, False)

    def frame_inbound_payload_data(self, proto: object, data: bytes) -> bytes | CloseReason:
        """Inflate a piece of a frame."""
        return self._inflate(data) if self._compressed and not self._control else data

    def frame_inbound_complete(self, proto: object, fin: bool) -> bytes | CloseReason | None:
        """Inflate the rest at the end of a message."""
        if not fin or self._control or not self._compressed:
            return None
        rest = self._inflate(_TAIL)
        self._compressed = False
        self._handed = 0
        if not self._takeover:
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return rest

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        parts: list[bytes] = []
        try:
            while data:
                out = self._inflater.decompress(data, _STEP)
                if self._inflater.eof:  # a final block: the stream restarts after it (RFC 7692 section 7.2.3.4)
                    data = self._inflater.unused_data
                    self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                else:
                    data = self._inflater.unconsumed_tail
                parts.append(self._within(out))
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return b"".join(parts)

    def _within(self, out: bytes) -> bytes:
        room = max(0, self._limit - self._handed)
        self._handed += min(room, len(out))
        self._left_out += max(0, len(out) - room)
        return out[:room]
