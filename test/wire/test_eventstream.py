"""Tests for `ccsproxy.wire.eventstream`."""

import random
import struct
from binascii import crc32

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.eventstream import DAMAGED, TRUNCATED, EventStreamDecoder, EventStreamMessage
from test.wire.splits import every_split


def header(name: str, kind: int, value: bytes) -> bytes:
    sized = struct.pack(">H", len(value)) if kind in (6, 7) else b""
    return bytes([len(name)]) + name.encode() + bytes([kind]) + sized + value


def frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def event(name: str, payload: bytes) -> bytes:
    return frame(header(":message-type", 7, b"event") + header(":event-type", 7, name.encode()), payload)


def decoded(pieces: list[bytes]) -> tuple[list[EventStreamMessage], list[str], int]:
    decoder = EventStreamDecoder()
    messages = [message for piece in pieces for message in decoder.feed(piece)] + decoder.finish()
    return messages, decoder.faults, decoder.lost


class EventStreamDecoderTests(SynchronousTestCase):
    """Messages come out whole and checked, or not at all."""

    def test_known_prelude(self) -> None:
        """The prelude of a 245-byte frame with 75 bytes of headers has the checksum that AWS's decoder accepts."""
        self.assertEqual(frame(b"x" * 75, b"y" * 154)[:12].hex(), "000000f50000004b04f8985c")

    def test_every_split(self) -> None:
        """Messages do not depend on how the bytes are cut."""
        data = event("chunk", b'{"bytes":"e30="}') + event("chunk", b"")
        for pieces in every_split(data):
            messages, faults, lost = decoded(pieces)
            self.assertEqual(
                [(m.kind, m.name, m.payload) for m in messages],
                [("event", "chunk", b'{"bytes":"e30="}'), ("event", "chunk", b"")],
            )
            self.assertEqual((faults, lost), ([], 0))

    def test_every_header_type(self) -> None:
        """All ten types of header values are read."""
        headers = (
            header("t", 0, b"")
            + header("f", 1, b"")
            + header("b", 2, b"\xff")
            + header("s", 3, b"\x01\x00")
            + header("i", 4, b"\xff\xff\xff\xfe")
            + header("l", 5, b"\0" * 7 + b"\x05")
            + header("B", 6, b"\0\x01")
            + header("S", 7, "é".encode())
            + header("T", 8, struct.pack(">q", 1700000000000))
            + header("u", 9, bytes(range(16)))
        )
        (message,), _, _ = decoded([frame(headers, b"p")])
        self.assertEqual(
            message.headers,
            {
                "t": True,
                "f": False,
                "b": -1,
                "s": 256,
                "i": -2,
                "l": 5,
                "B": b"\0\x01",
                "S": "é",
                "T": 1700000000000,
                "u": "00010203-0405-0607-0809-0a0b0c0d0e0f",
            },
        )
        self.assertEqual(message.payload, b"p")

    def test_exceptions_and_errors(self) -> None:
        """Exception and error messages tell their kind and name."""
        exception = frame(
            header(":message-type", 7, b"exception") + header(":exception-type", 7, b"throttlingException"), b"{}"
        )
        error = frame(header(":message-type", 7, b"error") + header(":error-code", 7, b"500"), b"")
        messages = decoded([exception + error + frame(b"", b"")])[0]
        self.assertEqual(
            [(m.kind, m.name) for m in messages],
            [("exception", "throttlingException"), ("error", "500"), ("event", "")],
        )

    def test_damaged_payload(self) -> None:
        """A message with a wrong checksum is left out; those around it are not."""
        bad = bytearray(event("b", b"payload"))
        bad[-6] ^= 1
        data = event("a", b"1") + bytes(bad) + event("c", b"3")
        for pieces in every_split(data):
            messages, faults, lost = decoded(pieces)
            self.assertEqual([m.name for m in messages], ["a", "c"])
            self.assertEqual((faults, lost), ([DAMAGED], len(bad)))

    def test_damaged_prelude(self) -> None:
        """After a wrong prelude, or bytes that belong to nothing, reading goes on at the next right one."""
        bad = bytearray(event("b", b"payload"))
        bad[3] ^= 1
        for damage in (bytes(bad), b"garbage", b"\0" * 40):
            data = event("a", b"1") + damage + event("c", b"3")
            for pieces in every_split(data):
                messages, faults, lost = decoded(pieces)
                self.assertEqual([m.name for m in messages], ["a", "c"])
                self.assertEqual((faults, lost), ([DAMAGED], len(damage)))

    def test_headers_that_do_not_fit(self) -> None:
        """Headers that are no headers make the message damaged, never raise."""
        for headers in (b"\x05ab", b"\x01a\x63", b"\x01a\x07\x00\x09x", b"\x01a\x05\x00", b"\x01a"):
            self.assertEqual(decoded([frame(headers, b"")])[1], [DAMAGED])

    def test_truncated(self) -> None:
        """A cut stream is noted, and what came before the cut is there."""
        first, second = event("a", b"1"), event("b", b"2")
        for cut in range(1, len(second)):
            messages, faults, lost = decoded([first + second[:cut]])
            self.assertEqual(([m.name for m in messages], faults, lost), (["a"], [TRUNCATED], cut))

    def test_random_bytes_never_raise(self) -> None:
        """No input makes the decoder raise, and nothing goes unaccounted."""
        source = random.Random(5)
        for _ in range(200):
            data = source.randbytes(source.randrange(100))
            self.assertEqual(decoded([data])[2], len(data))
