"""What capture costs: the relay per chunk handed over, the recorder per event and per MB of request body.

    python bench/capture_cost.py

Everything runs in one process, so the figures are processor time of one core.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.paced_exchange import reads
from ccsproxy.capture import frames, journal
from ccsproxy.capture.main import RECORDER_THRESHOLDS
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ingest.log_reader import LogReader
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import MainReport, Report
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.capture.relay.log_writer import LogWriter
from ccsproxy.capture.relay.spill import Spill
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.shared_log import SharedLog
from ccsproxy.capture.spill import SpillCipher, open_nameless
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.fieldlines import joined
from ccsproxy.exchange.record import Client
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.redaction import Redactor, redactors
from ccsproxy.runtime.tuning import freeze_gc
from ccsproxy.wire.jsontext import dumps
from test.capture import encoded
from test.capture.recorder.fake_interfaces import MemoryUncounted

ENDING = Ending("complete", "", "", 9, Timing())
HEADERS = [
    (b"Host", b"x"),
    (b"Content-Type", b"application/json"),
    *((b"X-Header-%d" % n, b"v" * 30) for n in range(17)),
]
CALLER = Client(name="bench", session="s")
SSE = ResponseHead(200, b"OK", "1.1", b"Content-Type: text/event-stream\r\n")


class Disk:
    def run(self, work, *arguments) -> Deferred:
        return succeed(work(*arguments))


class Nowhere:
    uncounted = MemoryUncounted()

    def last_seq(self, session_id: str) -> int:
        return 0

    def started(self, started) -> None:
        dumps(started)

    def append(self, record) -> Deferred:
        dumps(record)
        return succeed(None)


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


class Pair:
    """A relay's hand-over and a recorder's reader, without processes."""

    def __init__(self) -> None:
        self.log_file, self.journal_file = SharedLog.make(), journal.make(None, "run")
        self.spill_file = open_nameless(Path(tempfile.gettempdir()))
        self.shared = SharedLog(self.log_file)
        spill = Spill(self.spill_file, b"k" * 32, Disk(), time.monotonic)
        self.writer = LogWriter(self.shared, spill)
        self.capture = RelayCapture(1, self.shared, self.writer, journal.Journal(self.journal_file), lambda: None)
        self.reader = LogReader(SharedLog(self.log_file), self.spill_file, SpillCipher(b"k" * 32))

    def close(self) -> None:
        """Let go of all of it."""
        for descriptor in (self.log_file, self.journal_file, self.spill_file):
            os.close(descriptor)


def chunks(count: int, data: bytes, read: bool) -> None:
    pair = Pair()
    tap = pair.capture.begin(request())
    for n in range(count):
        tap.response_body(data)
        if n % 30 == 29:
            if read:
                sum(1 for _ in pair.reader.frames())
            tap.end(ENDING)
            pair.capture.settle_stored([tap.number])
            tap = pair.capture.begin(request())
    pair.close()


def exchanges(count: int) -> None:
    pair = Pair()
    for _ in range(count):
        tap = pair.capture.begin(request())
        tap.response_head(SSE)
        tap.response_whole("complete", "", "")
        tap.end(ENDING)
        pair.capture.settle_stored([tap.number])
    pair.close()


def record(pieces: list[bytes], question: bytes = b"", times: int = 1, redactor=Redactor) -> None:
    report = Report(MainReport(lambda lines: None, lambda flush: None))
    interpreters = Interpreters(detect, lambda *_: CALLER)
    for _ in range(times):
        store = Nowhere()
        recorder = Recorder(
            CapturePolicy(),
            interpreters,
            redactor,
            Sessions("run", store.last_seq),
            store,
            report,
            MemoryBudget(1 << 30),
        )

        def send(*frame, recorder=recorder) -> None:
            recorder.take(frames.Frame(*frame))

        send(frames.HEAD, 1, 0, encoded.head(1, 0, request(len(question)))[frames.FRAME_HEAD.size :])
        for start in range(0, len(question), 65536):
            send(frames.REQUEST_BODY, 1, start, question[start : start + 65536])
        send(frames.RESPONSE_HEAD, 1, 0, encoded.response_head(1, 0, SSE)[frames.FRAME_HEAD.size :])
        for at, piece in enumerate(pieces):
            send(frames.RESPONSE_BODY, 1, at, piece)
        ended = frames.EndFrame(ENDING, len(question), sum(map(len, pieces)))
        send(frames.END, 1, 0, encoded.end(1, 0, ended)[frames.FRAME_HEAD.size :])


def paced(batches: list[list[bytes]], redactor=None) -> None:
    flushes: list = []
    report = Report(MainReport(lambda lines: None, flushes.append))
    store = Nowhere()
    interpreters, sessions = Interpreters(detect, identify), Sessions("run", store.last_seq)
    recorder = Recorder(
        CapturePolicy(), interpreters, redactor or redactors(), sessions, store, report, MemoryBudget(1 << 30)
    )
    decoder = frames.FrameDecoder()
    for data in (data for batch in batches for data in batch):
        for frame in decoder.feed(data):
            recorder.take(frame)
        while flushes:
            flushes.pop()()


def spilled(megabytes: int) -> None:
    pair = Pair()
    tap = pair.capture.begin(request())
    for _ in range(megabytes * 256):
        tap.response_body(bytes(4096))
    sum(1 for _ in pair.reader.frames())
    pair.close()


def main() -> None:
    freeze_gc(RECORDER_THRESHOLDS)
    small, large = b"x" * 190, bytes(65536)
    cpu("relay: tap, 190 B chunk", 200_000, "chunk", chunks, 200_000, small, False)
    cpu("both: the same, and read by the recorder", 200_000, "chunk", chunks, 200_000, small, True)
    cpu("relay: tap, 64 KB chunk", 20_000, "chunk", chunks, 20_000, large, False)
    cpu("both: the same, and read by the recorder", 20_000, "chunk", chunks, 20_000, large, True)
    cpu("relay: a whole exchange but bodies (19 headers)", 20_000, "exchange", exchanges, 20_000)
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
