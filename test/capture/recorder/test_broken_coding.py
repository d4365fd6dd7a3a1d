"""Tests of how calls end whose answer is compressed and cannot be unpacked to its end."""

import gzip
import json
import zlib

import brotli
import zstandard
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ending import FinalOutcome, refine
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.dialects import Facts, detect
from ccsproxy.exchange.relayed import Ending, ResponseHead, Timing

CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": " ".join(map(str, range(5000)))}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
WHOLE = json.dumps(MESSAGE).encode()
STREAM = (
    "".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n"
        for each in (
            {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"{word} "}}
                for word in range(3000)
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
            {"type": "message_stop"},
        )
    )
).encode()


def ended(body: bytes, name: str, kind: str, status: int = 200, target: bytes = b"/v1/messages") -> FinalOutcome:
    """Say how a call ended whose answer came to the end of its framing."""
    lines = f"content-type: {kind}\r\ncontent-encoding: {name}\r\n".encode()
    response = ResponseInMaking(ResponseHead(status, b"OK", "1.1", lines), 1 << 20, MemoryBudget(1 << 24))
    facts = Facts(
        provider="anthropic",
        method=b"POST",
        target=target,
        request_body={"model": "m", "messages": []} if target == b"/v1/messages" else None,
        status=status,
        content_type=kind,
    )
    dialect = detect(facts)
    response.read_with(dialect.reader(facts))
    for at in range(0, len(body), 700):
        response.feed(body[at : at + 700], at)
    answer = response.finish(True, len(body))
    of_relay = Ending("complete" if status < 400 else "http_error", "", "", 0, Timing())
    return refine(of_relay, status, answer, dialect.category, response.body.unread, broken=response.body.broken)


class BrokenCodingTests(SynchronousTestCase):
    """A compressed answer that breaks off is neither empty nor somebody else's."""

    def test_nothing_unpacks(self) -> None:
        """Of a body that is cut at its beginning nothing can be read, which is not the same as nothing sent."""
        for name, pack in CODINGS.items():
            for kind, body in (("application/json", WHOLE), ("text/event-stream", STREAM)):
                for size in (1, 3, 8, 14):
                    how = ended(pack(body)[:size], name, kind)
                    assert how.error is not None
                    self.assertIn(how.error.kind, ("content_truncated", "content_damaged"), (name, kind, size))
                    self.assertIn(how.outcome, ("upstream_truncated", "upstream_error"))
                    self.assertTrue(how.partial)

    def test_half_unpacks(self) -> None:
        """Half a message is cut, in whichever coding and framing."""
        for name, pack in CODINGS.items():
            for kind, body in (("application/json", WHOLE), ("text/event-stream", STREAM)):
                packed = pack(body)
                how = ended(packed[: len(packed) // 2], name, kind)
                assert how.error is not None
                self.assertEqual(
                    ("upstream_truncated", "content_truncated"), (how.outcome, how.error.kind), (name, kind)
                )

    def test_damaged(self) -> None:
        """Damage is told from an end that is missing."""
        deflate = zlib.compressobj()
        half = deflate.compress(STREAM[: len(STREAM) // 2]) + deflate.flush(zlib.Z_FULL_FLUSH)
        how = ended(half + b"\xff" * 99, "deflate", "text/event-stream")  # no block begins like this
        assert how.error is not None
        self.assertEqual(("upstream_error", "content_damaged"), (how.outcome, how.error.kind))

    def test_a_missing_checksum(self) -> None:
        """A stream whose last event came is complete, whatever is missing behind it."""
        packed = gzip.compress(STREAM)
        self.assertEqual("complete", ended(packed[:-8], "gzip", "text/event-stream").outcome)
        self.assertEqual("complete", ended(gzip.compress(WHOLE)[:-8], "gzip", "application/json").outcome)

    def test_whole(self) -> None:
        """Whole answers are complete, and truly empty ones empty."""
        for name, pack in CODINGS.items():
            self.assertEqual("complete", ended(pack(WHOLE), name, "application/json").outcome, name)
            empty = ended(pack(b""), name, "application/json")
            assert empty.error is not None
            self.assertEqual("empty_answer", empty.error.kind, name)

    def test_no_call_of_a_model(self) -> None:
        """Of other calls, and of errors, the status says enough."""
        cut = gzip.compress(WHOLE)[:12]
        self.assertEqual("http_error", ended(cut, "gzip", "application/json", 529).outcome)
        self.assertEqual("complete", ended(cut, "gzip", "application/json", target=b"/v1/files").outcome)
