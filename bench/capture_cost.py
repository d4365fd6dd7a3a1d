"""What capture costs: the relay per chunk handed over, the recorder per event and per MB of request body.

    python bench/capture_cost.py

Everything runs in one process, so the figures are processor time of one core without the socket between the two
(but for the line that says so).
"""

import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.paced_exchange import reads
from ccsproxy.capture import frames
from ccsproxy.capture.main import RECORDER_THRESHOLDS
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import Budget
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.sessions import Sessions
from ccsproxy.capture.relay.outbox import Outbox
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.spill import Spill, SpillBounds, SpillCipher, open_nameless, read_batch, write_batch
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.fieldlines import joined
from ccsproxy.exchange.record import Client
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.redaction import Redactor, redactors
from ccsproxy.runtime.tuning import freeze_gc
from ccsproxy.wire.jsontext import dumps

ENDING = Ending("complete", "", "", 9, Timing())
HEADERS = [
    (b"Host", b"x"),
    (b"Content-Type", b"application/json"),
    *((b"X-Header-%d" % n, b"v" * 30) for n in range(17)),
]
SSE = ResponseHead(200, b"OK", "1.1", b"Content-Type: text/event-stream\r\n")
BATCH = 256 << 10


class Disk:
    def run(self, work, *arguments) -> Deferred:
        return succeed(work(*arguments))


class Nowhere:
    def last_seq(self, session_id: str) -> int:
        return 0

    def started(self, started) -> None:
        dumps(started)

    def append(self, record) -> Deferred:
        dumps(record)
        return succeed(None)


class Nobody:
    client = Client(name="bench", session="s")


def request(length: int = 0) -> RequestHead:
    lines = joined([*HEADERS, (b"Content-Length", str(length).encode())])
    return RequestHead(
        "i", time.time(), "anthropic", "anthropic", b"POST", b"/v1/messages", b"/v1/messages", "1.1", lines
    )


def event(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def stream(events: int) -> list[bytes]:
    usage = {"input_tokens": 10, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "c", "usage": usage}
    text = "the quick brown fox jumps over the lazy dog " * 2
    delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[delta] * events,
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": events}),
        event("message_stop"),
    ]


def body(megabytes: float) -> bytes:
    source = Path(__file__).read_text()[:2000]
    turns = [
        {"role": "user", "content": [{"type": "text", "text": f"{n} {source}"}]} for n in range(int(megabytes * 470))
    ]
    return json.dumps({"model": "claude", "stream": True, "messages": turns}).encode()


def cpu(label: str, count: float, unit: str, work, *arguments) -> None:
    began = time.process_time()
    work(*arguments)
    spent = time.process_time() - began
    print(f"{label:58} {spent / count * 1e6:10.2f} us per {unit}")


def relay_capture(room: int = 1 << 30):
    spill = Spill(None, b"k" * 32, Disk(), time.monotonic)
    outbox = Outbox(spill, lambda: None, lambda each: capture.left(each), room)
    capture = RelayCapture(outbox)
    return capture, outbox


def chunks(count: int, data: bytes, outbox_flush: bool, reader=None) -> None:
    capture, outbox = relay_capture()
    tap = capture.begin(request())
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    for n in range(count):
        tap.response_body(data)
        if outbox_flush and n % 30 == 29:
            outbox.flush(left.sendmsg)
            try:
                right.recv(1 << 20)
            except BlockingIOError:
                pass
    left.close()
    right.close()


def exchanges(count: int) -> None:
    capture, outbox = relay_capture()
    for _ in range(count):
        tap = capture.begin(request())
        tap.response_head(SSE)
        tap.end(ENDING)
        outbox.flush(lambda buffers: sum(map(len, buffers)))
        capture.settle_stored([tap.number])


def record(pieces: list[bytes], question: bytes = b"", times: int = 1, redactor=Redactor) -> None:
    report = Report(lambda lines: None, lambda flush: None)
    interpreters = Interpreters(detect, lambda *_: Nobody)
    for _ in range(times):
        store = Nowhere()
        recorder = Recorder(
            CapturePolicy(), interpreters, redactor, Sessions("run", store.last_seq), store, report, Budget(1 << 30)
        )

        def send(*frame, recorder=recorder) -> None:
            recorder.take(frames.Frame(*frame))

        send(frames.HEAD, 1, 0, frames.head(1, 0, request(len(question)))[frames.FRAME_HEAD.size :])
        for start in range(0, len(question), 65536):
            send(frames.REQUEST_BODY, 1, start, question[start : start + 65536])
        send(frames.RESPONSE_HEAD, 1, 0, frames.response_head(1, 0, SSE)[frames.FRAME_HEAD.size :])
        for at, piece in enumerate(pieces):
            send(frames.RESPONSE_BODY, 1, at, piece)
        ended = frames.EndFrame(ENDING, len(question), sum(map(len, pieces)))
        send(frames.END, 1, 0, frames.end(1, 0, ended)[frames.FRAME_HEAD.size :])


def paced(batches: list[list[bytes]], redactor=None) -> None:
    flushes: list = []
    report = Report(lambda lines: None, flushes.append)
    store = Nowhere()
    interpreters, sessions = Interpreters(detect, identify), Sessions("run", store.last_seq)
    recorder = Recorder(
        CapturePolicy(), interpreters, redactor or redactors(), sessions, store, report, Budget(1 << 30)
    )
    decoder = frames.FrameDecoder()
    for data in (data for batch in batches for data in batch):
        for frame in decoder.feed(data):
            recorder.take(frame)
        while flushes:
            flushes.pop()()


def decode(raw: bytes) -> None:
    decoder = frames.FrameDecoder()
    for start in range(0, len(raw), 65536):
        decoder.feed(raw[start : start + 65536])


def spilled(megabytes: int) -> None:
    cipher, run = (
        SpillCipher(os.urandom(32)),
        [frames.frame(frames.RESPONSE_BODY, 1, 0, bytes(4096))] * (BATCH // 4117),
    )
    size = sum(map(len, run))
    descriptor = open_nameless(Path(tempfile.gettempdir()))
    for n in range(megabytes * (1 << 20) // size):
        length = size + SpillCipher.TAG
        where = frames.Spilled(n * length, length, os.urandom(16))
        write_batch(descriptor, cipher, where, run, SpillBounds().reserve)
        read_batch(descriptor, cipher, where)
    os.close(descriptor)


def main() -> None:
    freeze_gc(RECORDER_THRESHOLDS)
    small, large = b"x" * 190, bytes(65536)
    cpu("relay: tap, 190 B chunk", 200_000, "chunk", chunks, 200_000, small, False)
    cpu("relay: tap and its share of sendmsg and recv, 190 B", 200_000, "chunk", chunks, 200_000, small, True)
    cpu("relay: tap, 64 KB chunk", 2_000, "chunk", chunks, 2_000, large, False)
    cpu("relay: a whole exchange but bodies (19 headers)", 20_000, "exchange", exchanges, 20_000)
    raw = frames.frame(frames.RESPONSE_BODY, 1, 0, small) * 50_000
    cpu("recorder: cut 190 B frames out of the link", 50_000, "frame", decode, raw)
    batches = [list(reads(n * 100, 100)) for n in range(20)]
    cpu("recorder: an exchange as in `paced`, redacted", 2000, "exchange", paced, batches)
    cpu("recorder: the same without redaction", 2000, "exchange", paced, batches, lambda: Redactor(False))
    pieces = stream(1000)
    cpu("recorder: stream of 1000 events, redacted", 20, "1000 events", record, pieces, b"", 20)
    cpu("recorder: the same without redaction", 20, "1000 events", record, pieces, b"", 20, lambda: Redactor(False))
    question = body(1)
    size = len(question) / (1 << 20) * 10
    cpu("recorder: request body, redacted", size, "MB", record, [], question, 10)
    cpu("recorder: the same without redaction", size, "MB", record, [], question, 10, lambda: Redactor(False))
    cpu("both: spill, written and read back", 64, "MB", spilled, 64)


if __name__ == "__main__":
    main()
