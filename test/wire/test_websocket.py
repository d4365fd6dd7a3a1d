"""Reading WebSocket messages: as wsproto writes them, at every split, fragmented, deflated, damaged."""

import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode

from ccsproxy.wire.websocket import FrameSize, MessageReader
from test.effort import effort

AGREED = "permessage-deflate"
LIMIT = 1 << 20


def writer(*, client: bool, deflate: str = "") -> FrameProtocol:
    extensions = []
    if deflate:
        extension = PerMessageDeflate()
        extension.finalize(deflate)
        extensions.append(extension)
    return FrameProtocol(client=client, extensions=extensions)


def reader(*, client: bool, deflate: str = "", limit: int = LIMIT) -> MessageReader:
    return MessageReader(from_client=client, extensions=deflate, limit=limit)


def said(reading: MessageReader, data: bytes, step: int = 0) -> list[tuple[str, bytes]]:
    step = step or len(data) or 1
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    return [(each.kind, each.data) for piece in pieces for each in reading.feed(piece, 0)]


class Messages(SynchronousTestCase):
    """What is read of what was written."""

    def test_text_binary_and_control_frames(self) -> None:
        for client in (True, False):
            out = writer(client=client)
            data = (
                out.send_data("héllo")
                + out.ping(b"p")
                + out.send_data(b"\x00\x01")
                + out.pong(b"q")
                + out.close(1000, "x")
            )
            wanted = [
                ("text", "héllo".encode()),
                ("ping", b"p"),
                ("binary", b"\x00\x01"),
                ("pong", b"q"),
                ("close", b"\x03\xe8x"),
            ]
            for step in (0, 1, 2, 3):
                self.assertEqual(said(reader(client=client), data, step), wanted)

    def test_fragments_with_control_frames_between(self) -> None:
        out = writer(client=True)
        data = out.send_data("a", fin=False) + out.ping() + out.send_data("b", fin=False) + out.send_data("c")
        self.assertEqual(said(reader(client=True), data), [("ping", b""), ("text", b"abc")])

    def test_frames_are_told_by_their_size_on_the_wire(self) -> None:
        out = writer(client=False)
        reading = reader(client=False)
        first = reading.feed(out.send_data("ab", fin=False), 10)
        (message,) = reading.feed(out.send_data("cde"), 20)
        self.assertEqual((first, message.frames), ([], (FrameSize(10, 2), FrameSize(20, 3))))

    def test_every_length_of_length(self) -> None:
        for size in (0, 1, 125, 126, 65535, 65536, 70000):
            data = writer(client=True).send_data(b"x" * size)
            ((kind, body),) = said(reader(client=True), data)
            self.assertEqual((kind, len(body)), ("binary", size))

    def test_message_beyond_the_limit_is_cut_and_counted_and_the_next_is_read(self) -> None:
        for deflate in ("", AGREED):
            out = writer(client=False, deflate=deflate)
            reading = reader(client=False, deflate=deflate, limit=1000)
            first, second = reading.feed(out.send_data(b"a" * 300_000) + out.send_data(b"next"), 0)
            self.assertEqual((len(first.data), first.length, first.whole), (1000, 300_000, False))
            self.assertEqual((second.data, second.whole), (b"next", True))

    def test_bomb_takes_no_memory(self) -> None:
        inflated = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = b"".join(inflated.compress(b"\0" * (1 << 20)) for _ in range(80)) + inflated.flush(zlib.Z_SYNC_FLUSH)
        data = b"\xc2\x7f" + (len(bomb) - 4).to_bytes(8, "big") + bomb[:-4]
        (message,) = reader(client=False, deflate=AGREED, limit=1000).feed(data, 0)
        self.assertEqual((message.length, len(message.data)), (80 << 20, 1000))


class Deflated(SynchronousTestCase):
    """permessage-deflate in all its ways."""

    def test_context_is_taken_over_or_not(self) -> None:
        for deflate in (
            AGREED,
            f"{AGREED}; client_no_context_takeover",
            f"{AGREED}; server_no_context_takeover",
            f"{AGREED}; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=10",
        ):
            for client in (True, False):
                out, reading = writer(client=client, deflate=deflate), reader(client=client, deflate=deflate)
                for number in range(5):
                    text = f"the same words again, {number}" * 20
                    self.assertEqual(said(reading, out.send_data(text)), [("text", text.encode())], deflate)

    def test_some_messages_are_not_deflated(self) -> None:
        deflated, plain = writer(client=False, deflate=AGREED), writer(client=False)
        reading = reader(client=False, deflate=AGREED)
        data = deflated.send_data("one") + plain.send_data("two") + deflated.send_data("one")
        self.assertEqual(said(reading, data), [("text", b"one"), ("text", b"two"), ("text", b"one")])

    def test_fragments_of_a_deflated_message_with_control_frames_between(self) -> None:
        out = writer(client=True, deflate=AGREED)
        data = out.send_data("aaaa" * 50, fin=False) + out.ping(b"x") + out.send_data("b" * 50)
        for step in (0, 1, 7):
            reading = reader(client=True, deflate=AGREED)
            self.assertEqual(said(reading, data, step), [("ping", b"x"), ("text", b"aaaa" * 50 + b"b" * 50)])

    def test_final_block_inside_a_message(self) -> None:
        """RFC 7692 section 7.2.3.4: a sender may end its stream with a final block, and begin another."""
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = packed.compress(b"Hello") + packed.flush() + b"\x00"
        data = b"\xc1" + bytes([len(body)]) + body
        reading = reader(client=False, deflate=AGREED)
        self.assertEqual(said(reading, data + data), [("text", b"Hello"), ("text", b"Hello")])


class Damaged(SynchronousTestCase):
    """What is no WebSocket."""

    def test_reading_ends_and_nothing_is_raised(self) -> None:
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x83\x00",
            b"\x01\x01a\x01\x01b",
            b"\x80\x01a",
            b"\xc1\x01a",
            b"\x89\x7e\x00\x80",
            b"\x09\x00",
            b"\x81\x81abcd\x00",
            b"\x81\xff" + b"\xff" * 8,
        ):
            reading = reader(client=False)
            said(reading, data)
            self.assertTrue(reading.damaged, data)
            self.assertEqual(reading.feed(b"\x81\x01a", 0), [])

    def test_damaged_deflate(self) -> None:
        reading = reader(client=False, deflate=AGREED)
        self.assertEqual(said(reading, b"\xc1\x03\xff\xff\xff"), [])
        self.assertTrue(reading.damaged)

    def test_unfinished(self) -> None:
        reading = reader(client=False)
        self.assertFalse(reading.unfinished)
        reading.feed(b"\x81", 0)
        self.assertTrue(reading.unfinished)
        reading.feed(b"\x01a", 0)
        self.assertFalse(reading.unfinished)
        reading.feed(b"\x01\x01a", 0)
        self.assertTrue(reading.unfinished)


class Random(SynchronousTestCase):
    """Whatever is written, however it is cut."""

    @given(
        st.lists(st.tuples(st.binary(max_size=2000), st.booleans(), st.integers(1, 4)), max_size=12),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", AGREED, f"{AGREED}; client_no_context_takeover; server_no_context_takeover"]),
        st.integers(1, 5000),
    )
    @settings(max_examples=effort(80), deadline=None)
    def test_written_is_read(self, messages, client, pings, deflate, step) -> None:
        out = writer(client=client, deflate=deflate)
        data, wanted = b"", []
        for body, text, parts in messages:
            payload = body.hex() if text else body
            cut = max(1, len(payload) // parts)
            pieces = [payload[start : start + cut] for start in range(0, len(payload), cut)] or [payload]
            for number, piece in enumerate(pieces):
                data += out.send_data(piece, fin=number == len(pieces) - 1)
                if pings:
                    data += out.ping(b"p")
                    wanted.append(("ping", b"p"))
            message = ("text" if text else "binary", body.hex().encode() if text else body)
            wanted.insert(len(wanted) - 1 if pings else len(wanted), message)
        self.assertEqual(said(reader(client=client, deflate=deflate), data, step), wanted)

    @given(st.binary(max_size=500), st.sampled_from(["", AGREED]), st.integers(1, 50))
    @settings(max_examples=effort(80), deadline=None)
    def test_nothing_raises(self, data, deflate, step) -> None:
        said(reader(client=True, deflate=deflate), data, step)
        said(reader(client=False, deflate=deflate), data, step)
        self.assertEqual(Opcode.TEXT, 1)
