"""The whole way with every real room: what the relay says becomes redacted lines in the segments."""

from pathlib import Path
from typing import Any

import msgspec
import zstandard

from ccsproxy.capture.relay.service import RECORDER
from ccsproxy.store.reader.reader import Reader
from test.capture.fakes import SSE, ending, request_head, response_head
from test.integration import test_capture_service

SECRET = b"sk-ant-api03-" + b"x7Kq" * 10
EVENTS = [
    (
        "message_start",
        {
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "content": [],
                "model": "m-1",
                "usage": {"input_tokens": 7, "output_tokens": 1},
            }
        },
    ),
    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hello, " + SECRET.decode()}}),
    ("content_block_stop", {"index": 0}),
    ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 3}}),
    ("message_stop", {}),
]


def sse() -> bytes:
    """An Anthropic stream that says hello and a secret."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode({"type": name, **members}))
        for name, members in EVENTS
    )


def read(segment: Path) -> bytes:
    """Read a segment, compressed or not."""
    data = segment.read_bytes()
    return (
        zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
        if segment.suffix == ".zst"
        else data
    )


class RecorderProcessTests(test_capture_service.CaptureServiceTests):
    """The promises of the capture service hold with the real recorder, too."""

    module = RECORDER

    def lines(self) -> list[dict[str, Any]]:
        folder = self.directory / "segments"
        packed = {path.name.removesuffix(".zst"): path for path in folder.glob("*.jsonl.zst")}
        # while a segment is being compressed it is there twice; torn tails that were set aside are no segments
        segments = packed | {path.name: path for path in folder.glob("*.jsonl")}
        found = [msgspec.json.decode(line) for name in sorted(segments) for line in read(segments[name]).splitlines()]
        return [line for line in found if line.get("event") in (None, "started")]

    def exchange(self, name: str, size: int = 1000) -> None:
        tap = self.service.capture.begin(request_head(name, target=b"/v1/unknown"))
        tap.response_head(response_head(200, (b"Content-Type", b"text/plain")))
        for start in range(0, size, 50_000):
            tap.response_body(b"x" * min(50_000, size - start))
        tap.response_body(b"\nend\n")
        tap.end(ending())

    async def test_from_frames_to_lines(self) -> None:
        """A model's stream becomes a record with answer and usage; its secrets are nowhere in the data dir."""
        await self.start()
        body = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "my key is %s"}]}' % SECRET
        headers = [(b"X-Api-Key", SECRET), (b"Content-Length", b"%d" % len(body))]
        tap = self.service.capture.begin(request_head("real", headers))
        tap.request_body(body)
        tap.response_head(response_head(200, SSE, (b"Request-Id", b"req_9")))
        for start in range(0, len(sse()), 50):
            tap.response_body(sse()[start : start + 50])
        tap.end(ending())
        await self.service.stopService()
        record = self.records()["real"]
        self.assertEqual((record["outcome"], record["dialect"], record["seq"]), ("complete", "anthropic", 1))
        self.assertEqual((record["model"], record["response_model"], record["request_id"]), ("m", "m-1", "req_9"))
        self.assertEqual((record["usage"]["input_tokens"], record["usage"]["output_tokens"]), (7, 3))
        self.assertEqual(record["stop_reason"], "end_turn")
        self.assertTrue(record["response"]["body_reassembled"]["content"][0]["text"].startswith("Hello, <redacted"))
        self.assertEqual(record["capture"]["faults"], [])
        indexed = Reader(self.directory).line(record["session_id"], 1)
        self.assertIn(b'"msg_1"', indexed or b"")
        for path in self.directory.rglob("*"):
            if path.is_file():
                self.assertNotIn(SECRET, path.read_bytes())
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    async def test_an_exchange_that_kills_the_recorder(self) -> None:
        """Nothing is known to kill the real recorder."""
