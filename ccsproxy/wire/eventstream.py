"""``application/vnd.amazon.eventstream``, decoded incrementally (Bedrock's streams).

A message consists of: total length, headers length, CRC-32 of those eight bytes, headers, payload, CRC-32 of all
before; all numbers are big-endian.
"""

import struct
import uuid
from binascii import crc32
from collections.abc import Callable
from typing import Any

import msgspec

#: Faults, as named in a record's ``capture.faults``.
DAMAGED = "eventstream_damaged"
TRUNCATED = "eventstream_truncated"

_PRELUDE = struct.Struct(">III")
_OVERHEAD = 16
_LONGEST = 32 << 20


class EventStreamMessage(msgspec.Struct, frozen=True, gc=False):
    """One message.

    :ivar headers: typed values by name; UUIDs are text, timestamps milliseconds since the epoch.
    :ivar payload: the bytes after the headers.
    """

    headers: dict[str, Any]
    payload: bytes

    @property
    def kind(self) -> str:
        """``event``, ``exception`` or ``error``."""
        return str(self.headers.get(":message-type", "event"))

    @property
    def name(self) -> str:
        """The name of the event, exception or error; empty if not given."""
        for header in (":event-type", ":exception-type", ":error-code"):
            if header in self.headers:
                return str(self.headers[header])
        return ""


class EventStreamDecoder:
    """Decodes the bytes of one stream into messages, in linear time however they are split.

    A message with a wrong checksum is skipped. After an invalid prelude, bytes are skipped up to the next valid one.
    Both are noted.

    :ivar faults: names of the anomalies.
    :ivar lost: how many bytes were skipped.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.lost = 0
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[EventStreamMessage]:
        """Take the next bytes.

        :return: the messages that they complete, in order.
        """
        self._buffer += data
        messages = []
        position = 0
        while len(self._buffer) - position >= _PRELUDE.size:
            total = self._total(position)
            if total is None:
                skipped = self._resynchronise(position)
                self._lose(skipped - position)
                position = skipped
                continue
            if len(self._buffer) - position < total:
                break
            message = _message(bytes(memoryview(self._buffer)[position : position + total]))
            position += total
            if message is None:
                self._lose(total)
            else:
                messages.append(message)
        del self._buffer[:position]
        return messages

    def finish(self) -> list[EventStreamMessage]:
        """Take the end of the stream; an incomplete message is noted and discarded."""
        if self._buffer:
            self.lost += len(self._buffer)
            self._note(TRUNCATED)
            self._buffer.clear()
        return []

    def _total(self, position: int) -> int | None:
        """Return the length of the message that starts here; None if none does."""
        total, headers, checksum = _PRELUDE.unpack_from(self._buffer, position)
        if not headers + _OVERHEAD <= total <= _LONGEST:
            return None
        return total if crc32(memoryview(self._buffer)[position : position + 8]) == checksum else None

    def _resynchronise(self, position: int) -> int:
        """Find the next valid prelude, or the position from which one may still follow."""
        for candidate in range(position + 1, len(self._buffer) - _PRELUDE.size + 1):
            if self._total(candidate) is not None:
                return candidate
        return len(self._buffer) - _PRELUDE.size + 1

    def _lose(self, count: int) -> None:
        self.lost += count
        self._note(DAMAGED)

    def _note(self, fault: str) -> None:
        if fault not in self.faults:
            self.faults.append(fault)


def _message(frame: bytes) -> EventStreamMessage | None:
    if crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
        return None
    end = _PRELUDE.size + int.from_bytes(frame[4:8], "big")
    try:
        headers = _headers(frame[_PRELUDE.size : end])
    except (IndexError, KeyError, struct.error, ValueError):
        return None
    return EventStreamMessage(headers, frame[end:-4])


def _headers(block: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    position = 0
    while position < len(block):
        start = position + 1
        position = start + block[position]
        name = block[start:position].decode("utf-8", "replace")
        size, read = _TYPES[block[position]]
        position += 1
        if size is None:
            (size,) = struct.unpack_from(">H", block, position)
            position += 2
        if position + size > len(block):
            raise ValueError("a header ends beyond its block")
        headers[name] = read(block[position : position + size])
        position += size
    return headers


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _string(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _uuid(value: bytes) -> str:
    return str(uuid.UUID(bytes=value))


#: By type number: size of the value in bytes (None: a two-byte length precedes it), and its decoder.
_TYPES: dict[int, tuple[int | None, Callable[[bytes], Any]]] = {
    0: (0, lambda _: True),
    1: (0, lambda _: False),
    2: (1, _integer),
    3: (2, _integer),
    4: (4, _integer),
    5: (8, _integer),
    6: (None, bytes),
    7: (None, _string),
    8: (8, _integer),
    9: (16, _uuid),
}
