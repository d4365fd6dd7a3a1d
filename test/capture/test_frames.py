"""Frames survive the link whole, however the link cuts them."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Attached, EndFrame, Frame, FrameDecoder, Lost, WholeFrame
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from test.capture import encoded
from test.effort import effort

REQUEST = RequestHead(
    id="a" * 26,
    started_at=1.5,
    upstream="anthropic",
    provider="anthropic",
    method=b"POST",
    target=b"/v1/messages?x=\xff",
    forwarded_target=b"/v1/messages?x=\xff",
    version="1.1",
    lines=b"Host: x\r\nX-Odd: \xe9\xff\r\n",
)
RESPONSE = ResponseHead(200, b"OK", "1.1", b"A: 1\r\na: 2\r\n")
ATTACHED = Attached(3, True, False, ["/a", "/b"], ("kind", "sentence"), [5])
ENDED = EndFrame(Ending("complete", "", "", 9, Timing(connected=1, reused=True, headers=5)), 3, 4)


def dialogue() -> bytes:
    """One exchange as it goes over the link, every kind once."""
    body = frames.FRAME_HEAD.pack(frames.REQUEST_BODY, 3, 7, 2) + b"abc"
    return b"".join(
        (
            frames.message(frames.HELLO, {"key": b"k"}),
            frames.message(frames.ATTACH, ATTACHED),
            encoded.head(7, 1, REQUEST),
            body,
            encoded.response_head(7, 3, RESPONSE),
            frames.frame(frames.RESPONSE_BODY, 7, 4, b"\x00" * 9),
            encoded.lost(7, 5, Lost(frames.RESPONSE_BODY, 12, "queue_full")),
            encoded.whole(7, 5, "http_error", "kind", "sentence"),
            encoded.end(7, 6, ENDED),
            frames.more((12, 345)),
            frames.message(frames.CLOSE),
        )
    )


class FrameDecoderTests(SynchronousTestCase):
    """The decoder finds the same frames at every chunking."""

    def setUp(self) -> None:
        self.bytes = dialogue()
        self.whole = FrameDecoder().feed(self.bytes)

    def test_everything_comes_back(self) -> None:
        """What each kind carries is what was put in."""
        kinds = [found.kind for found in self.whole]
        self.assertEqual(kinds, [8, 9, 1, 2, 3, 4, 6, 7, 5, 11, 10])
        hello, attach, head, body, response, chunk, lost, whole, end, more, _ = self.whole
        self.assertEqual(frames.read_message(hello.payload), {"key": b"k"})
        self.assertEqual(frames.read_attached(attach.payload), ATTACHED)
        self.assertEqual(frames.read_head(head.payload), REQUEST)
        self.assertEqual(body, Frame(frames.REQUEST_BODY, 7, 2, b"abc"))
        self.assertEqual(frames.read_response_head(response.payload), RESPONSE)
        self.assertEqual(chunk.payload, b"\x00" * 9)
        self.assertEqual(frames.read_lost(lost.payload), Lost(frames.RESPONSE_BODY, 12, "queue_full"))
        self.assertEqual(frames.read_whole(whole.payload), WholeFrame("http_error", "kind", "sentence"))
        self.assertEqual(frames.read_more(more.payload), (12, 345))
        self.assertEqual(frames.read_end(end.payload), ENDED)

    def test_every_split_gives_the_same_frames(self) -> None:
        """Two pieces, cut anywhere, are as good as one."""
        for cut in range(len(self.bytes) + 1):
            decoder = FrameDecoder()
            self.assertEqual(decoder.feed(self.bytes[:cut]) + decoder.feed(self.bytes[cut:]), self.whole)

    def test_byte_by_byte(self) -> None:
        """Single bytes are as good as one piece."""
        decoder = FrameDecoder()
        found = [each for byte in self.bytes for each in decoder.feed(bytes((byte,)))]
        self.assertEqual(found, self.whole)

    @settings(max_examples=effort(100), deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 10), st.binary(max_size=40)), max_size=20), st.randoms())
    def test_any_frames_at_any_chunking(self, content, random) -> None:
        """Whatever is encoded comes out again, in its order."""
        raw = b"".join(frames.frame(kind, 1, 2, payload) for kind, payload in content)
        decoder, found = FrameDecoder(), []
        while raw:
            cut = random.randint(1, 30)
            found += decoder.feed(raw[:cut])
            raw = raw[cut:]
        self.assertEqual([(each.kind, each.payload) for each in found], content)

    def test_one_large_frame_in_small_pieces_is_linear(self) -> None:
        """A body of 4 MiB in pieces of 64 bytes does not cost its square."""
        raw, decoder, found = frames.frame(frames.RESPONSE_BODY, 1, 1, bytes(4 << 20)), FrameDecoder(), []
        began = time.process_time()
        for start in range(0, len(raw), 64):
            found += decoder.feed(raw[start : start + 64])
        self.assertEqual(len(found[0].payload), 4 << 20)
        self.assertLess(time.process_time() - began, 5)
