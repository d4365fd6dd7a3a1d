"""What a small JSON call costs the recorder, stage by stage, in one process: `python -m bench.small_call_cost`.

The stages run one after the other over the same calls, so each figure is processor time of its own code. The threads
of a living recorder do the same work in smaller batches, and wake one another beside.
"""

import argparse
import cProfile
import hashlib
import pstats
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from bench.paced_exchange import QUESTION, REQUEST, RESPONSE
from ccsproxy.capture import frames
from ccsproxy.capture.main import RECORDER_THRESHOLDS
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.report import MainReport, RelayReport, Report
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.capture.recorder.websocket.socket_recorder import SocketRecorder
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.providers.price_book import list_price
from ccsproxy.redaction import Rules, Tagger, redactors
from ccsproxy.redaction.text_memory import TextMemory
from ccsproxy.runtime.tuning import freeze_gc
from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.directory import prepare
from ccsproxy.store.index.follower import Follower
from ccsproxy.store.index.fresh_lines import FreshLines
from ccsproxy.store.index.index import Index
from ccsproxy.store.observer import FreshLine, NullObserver
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.settings import StoreSettings
from test.capture import encoded
from test.capture.recorder.fake_interfaces import MemoryUncounted

#: Calls that are recorded before the clock runs, and calls of one read of the relay's log.
WARM, TOGETHER = 300, 32
TARGET = b"/v1/messages"


def _lines(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n") + b"\r\n"


FILLER = (b"the quick brown fox jumps over the lazy dog " * 21)[:915]
ANSWER = b'{"id":"msg_%020d","type":"message","content":[{"type":"text","text":"%b"}]}'
PLAIN = b"Content-Type: application/json\nContent-Length: %d\n" % len(ANSWER % (0, FILLER))
ANSWER_LINES = _lines(PLAIN + RESPONSE.split(b"\n", 3)[3] % 7)


def call(number: int) -> bytes:
    """Return the frames of one call."""
    asked = QUESTION.replace(b'"stream":true', b'"stream":false')
    lines = _lines(
        REQUEST.replace(b"mode=paced&n=30&ms=100", b"mode=json&sz=1000") + b"\nContent-Length: %d" % len(asked)
    )
    head = RequestHead(
        f"{number:026x}", 1.7e9 + number / 340, "mock", "", b"POST", TARGET, TARGET, "1.1", lines, "127.0.0.1"
    )
    answer = ANSWER % (number, FILLER)
    timing = Timing(300, True, 400, 900, 1000, 1100, 120)
    ending = Ending("complete", "", "", 1150, timing, len(asked), len(answer), len(answer))
    return b"".join(
        (
            encoded.head(number, 0, head),
            frames.frame(frames.REQUEST_BODY, number, 250, asked),
            encoded.response_head(number, 900, ResponseHead(200, b"OK", "1.1", ANSWER_LINES)),
            frames.frame(frames.RESPONSE_BODY, number, 1000, answer),
            encoded.end(number, 1150, frames.EndFrame(ending, len(asked), len(answer))),
        )
    )


class Kept:
    """A store that keeps what it is given, and acknowledges it when it is asked to.

    :ivar given: the records and announcements, in their order.
    """

    def __init__(self) -> None:
        self.uncounted = MemoryUncounted()
        self.given: list[Any] = []
        self._waiting: list[Deferred[None]] = []

    def last_seq(self, session_id: str) -> int:
        return 0

    def started(self, note: Any) -> None:
        self.given.append(note)

    def append(self, record: Any) -> "Deferred[None]":
        self.given.append(record)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def acknowledge(self) -> None:
        """Say of all that was given that it is stored."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


class RecorderLoop:
    """A recorder that is fed with frames, without processes and threads."""

    def __init__(self) -> None:
        self.store = Kept()
        self._flushes: list[Callable[[], None]] = []
        report = Report(MainReport(lambda line: None, self._flushes.append))
        report.relays[0] = RelayReport(lambda line: None, self._flushes.append, lambda: 0, lambda reason: None)
        sessions = Sessions("run", self.store.last_seq, bytes)
        rules = Rules(Tagger(b"k" * 32), memory=TextMemory())
        self._recorder = SocketRecorder(
            CapturePolicy(), Interpreters(detect, identify), redactors(rules), sessions, self.store, report,
            MemoryBudget(1 << 30), price=list_price,
        )  # fmt: skip
        self._decoder = frames.FrameDecoder()

    def take(self, reads: list[bytes]) -> None:
        """Take what was read, each read as one turn."""
        for data in reads:
            self._recorder.turn_begins()
            for frame in self._decoder.feed(data):
                self._recorder.take(frame)
            self._recorder.turn_ends()
            self.store.acknowledge()
            while self._flushes:
                self._flushes.pop()()


class WriterLoop:
    """The store's writer without its thread."""

    def __init__(self, data_dir: Path) -> None:
        prepare(data_dir)
        self.fresh = FreshLines()
        settings = StoreSettings(run="run", writer="bench", redact=True, compress=False)
        self._backlog = Backlog(1 << 30, 1 << 20)
        log = SegmentLog(Files(), data_dir, settings, time.time, "")
        self._writer = BatchWriter(Files(), data_dir, self._backlog, log, _Hears(self.fresh), time.monotonic)

    def write(self, given: list[Any]) -> None:
        """Write what the recorder has given to the store, in batches as they come."""
        for start in range(0, len(given), TOGETHER):
            for each in given[start : start + TOGETHER]:
                self._backlog.offer(each)
            self._writer.turn()

    def finish(self) -> None:
        self._writer.finish()


class _Hears(NullObserver):
    """Keeps what was written for the index."""

    def __init__(self, fresh: FreshLines) -> None:
        self._fresh = fresh

    def wrote(self, lines: int, fresh: Sequence[FreshLine] = ()) -> None:
        self._fresh.add(fresh)


class IndexLoop:
    """The index without its thread."""

    def __init__(self, data_dir: Path, fresh: FreshLines | None = None) -> None:
        self._lines, self._fresh = SegmentLines(data_dir), fresh
        self.index = Index(data_dir, list_price)

    def rows(self) -> None:
        """Take in what was written, in the batches of a rebuild."""
        Follower(self.index, self._lines, fresh=self._fresh).catch_up()

    def facts(self) -> None:
        """Make the facts of what is in the index."""
        self.index.facts.make(self._lines, lambda: True)


def spent() -> float:
    """Return the processor time of this thread so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def stage(name: str, calls: int, profiled: str, work: Callable[..., None], *given: Any) -> None:
    """Do the work of one stage and print what it took of each call."""
    profile = cProfile.Profile() if profiled == name else None
    began = spent()
    if profile is not None:
        profile.runcall(work, *given)
    else:
        work(*given)
    print(f"{name:10} {(spent() - began) / calls * 1e6:8.1f} us a call")
    if profile is not None:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(100)


def reads(first: int, count: int) -> Iterator[bytes]:
    """Yield what so many calls give to read."""
    for start in range(first, first + count, TOGETHER):
        yield b"".join(call(n) for n in range(start, min(start + TOGETHER, first + count)))


def digest(data_dir: Path) -> str:
    """Return a digest of the lines of all calls, to compare two versions by."""
    found = hashlib.sha256()
    for path in sorted(data_dir.rglob("*.jsonl")):
        found.update(b"\n".join(path.read_bytes().split(b"\n")[1:-2]))
    return found.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--profile", default="", choices=("", "recorder", "writer", "index", "facts"))
    args = parser.parse_args()
    recorder, calls = RecorderLoop(), args.calls
    recorder.take(list(reads(1, WARM)))
    freeze_gc(RECORDER_THRESHOLDS)
    frames_of_calls = list(reads(1 + WARM, calls))
    with tempfile.TemporaryDirectory(prefix="small-call-") as name:
        data_dir = Path(name)
        writer = WriterLoop(data_dir)
        writer.write(recorder.store.given)
        recorder.store.given.clear()
        stage("recorder", calls, args.profile, recorder.take, frames_of_calls)
        stage("writer", calls, args.profile, writer.write, recorder.store.given)
        writer.finish()
        index = IndexLoop(data_dir)
        stage("index", calls + WARM, args.profile, index.rows)
        stage("facts", calls + WARM, args.profile, index.facts)
        print("lines", digest(data_dir))


if __name__ == "__main__":
    main()
