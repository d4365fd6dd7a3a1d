"""What one huge body costs the recorder: a small multiple of it, whole or cut, from its first byte to its line."""

import json
import tracemalloc
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.dialects import Facts, detect
from ccsproxy.exchange import codec
from ccsproxy.exchange.relayed import ResponseHead
from ccsproxy.redaction import Redactor

SIZE = 3 << 20
DATA = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZn"
IMAGE = {"type": "response.image_generation_call.partial_image", "output_index": 0, "partial_image_b64": ""}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "some words of a text "}}
MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "some words " * 9}] * 20_000}


def _line(event: dict[str, Any], key: str) -> bytes:
    return json.dumps({**event, key: DATA * (SIZE // len(DATA))}).encode()


#: Target, media type and body of each kind.
BODIES: dict[str, tuple[str, str, bytes]] = {
    "one event": ("/v1/responses", "text/event-stream", b"data: " + _line(IMAGE, "partial_image_b64") + b"\n\n"),
    "one line": ("/api/chat", "application/x-ndjson", _line({"model": "m", "done": True}, "response") + b"\n"),
    "many events": (
        "/v1/messages",
        "text/event-stream",
        b"event: content_block_delta\ndata: " + json.dumps(TEXT).encode() + b"\n\n",
    ),
    "json": ("/v1/messages", "application/json", json.dumps(MESSAGE).encode()),
}


class MemoryTests(SynchronousTestCase):
    """Peaks as Python allocates them; ``python -m bench.recorder_memory`` measures the whole process."""

    def peak(self, target: str, media_type: str, body: bytes) -> float:
        """Read, redact and encode a body, and return how many times its length was held at most."""
        kind = f"Content-Type: {media_type}\r\n".encode()
        facts = Facts(target=target.encode(), status=200, content_type=media_type, request_body={"stream": True})
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        response = ResponseInMaking(ResponseHead(200, b"OK", "1.1", kind), 32 << 20, MemoryBudget(512 << 20))
        gate = RedactionGate(Redactor())
        response.read_with(detect(facts).reader(facts), gate.watcher())
        for start in range(0, len(body), 65536):
            response.feed(bytes(body[start : start + 65536]), start)
        answer = response.finish(True, len(body))
        record = response.record(answer, True, [])
        kind_of_stream = answer.stream_kind if answer is not None else None
        del response, answer
        clean = gate._response(record, kind_of_stream or "")
        del record, gate
        self.assertGreater(len(codec.encode({"response": clean})), len(body) // 2)
        peak = tracemalloc.get_traced_memory()[1] / len(body)
        tracemalloc.stop()
        return peak

    def test_whole_and_cut(self) -> None:
        """Each kind takes a small multiple of its length, wherever it ends; what buffers reserve is counted."""
        Redactor().text("what is made once is made")
        for name, (target, media_type, body) in BODIES.items():
            if name == "many events":
                body *= SIZE // len(body)
            for part in (body, body[:-9], body[: len(body) * 2 // 3]):
                self.assertLess(self.peak(target, media_type, part), 5.2, f"{name}, {len(part)} bytes")


class LongLineTests(SynchronousTestCase):
    """Lines of megabytes are written and read like any others."""

    def test_a_long_line(self) -> None:
        """It verifies, says what it should, and is the same as if it had been short."""
        value = {"id": "x", "text": "a" * (2 << 20)}
        line = codec.encode(value)
        self.assertTrue(codec.verify(line))
        self.assertEqual(codec.decode(line), value)
        self.assertEqual(codec.strip(line), msgspec.json.encode(value))
        self.assertEqual(codec.head(line).id, "x")
