"""What a call costs the recorder by stage, for small, paced and agent calls.

usage: python -m bench.stage_cost [--kind agent] [--calls N]
The calls go through all stages some at a time, so that what stages keep in the processor's caches is lost as it is in
a living recorder. Of each stage the least, a fifth's and the median of these pieces are printed: on a busy machine
the least says most.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from bench import paced_exchange as paced
from bench import small_call_cost as small
from bench.scenarios import agent_file
from ccsproxy.capture import frames
from ccsproxy.capture.main import RECORDER_THRESHOLDS
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.runtime.tuning import freeze_gc
from test.capture import encoded

#: Calls that go through the stages together, calls before the clock runs, and calls that are measured.
TOGETHER = {"small": 100, "paced": 50, "agent": 6}
WARM = {"small": 300, "paced": 100, "agent": 12}
CALLS = {"small": 3000, "paced": 1500, "agent": 72}
#: Sessions of agents that take turns, bytes of a read of a body, and events of a read.
SESSIONS, READ, EVENTS = 6, 64 << 10, 10
_MARK = b"1a9c0e"
_TEXT = b"the quick brown fox jumps over the lazy dog the quick brown"


def agent_bodies(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield session, events and body of each call of some agents, lap after lap, none of whose texts comes again."""
    number, _, rest = path.read_bytes().partition(b"\n")
    *heads, bodies = rest.split(b"\n", int(number))
    turns: dict[int, list[tuple[int, bytes]]] = {}
    at = 0
    for head in heads:
        length, session, events = map(int, head.split())
        if session < SESSIONS:
            turns.setdefault(session, []).append((events, bodies[at : at + length]))
        at += length
    for lap in count():
        for turn in range(len(turns[0])):
            for session, each in turns.items():
                events, body = each[turn]
                yield session, events, body.replace(_MARK + b"000000", _MARK + b"%06d" % lap)


def agent_reads(number: int, session: int, events: int, body: bytes) -> Iterator[bytes]:
    """Yield what one agent's call gives to read."""
    lines = paced._lines(paced.REQUEST + b"\nContent-Length: %d" % len(body))
    target, began = b"/v1/messages", 1.7e9 + number / 3
    head = RequestHead(
        f"{number:026x}", began, "mock", "", b"POST", target, target, "1.1", lines, "127.0.0.1",
        connection=f"c{session}",
    )  # fmt: skip
    asked = [frames.frame(frames.REQUEST_BODY, number, 10, body[at : at + READ]) for at in range(0, len(body), READ)]
    answer = ResponseHead(200, b"OK", "1.1", paced._lines(paced.RESPONSE % number))
    yield b"".join((encoded.head(number, 0, head), *asked, encoded.response_head(number, 1000, answer)))
    delta = [
        paced._event(b"content_block_delta", paced.DELTA % (number, n, _TEXT)) for n in range(max(1, events - 5))
    ]
    first, *_, stop, told, last = paced.events(number)
    said = [first, paced.events(number)[1], *delta, stop, told, last]
    pieces = [frames.frame(frames.RESPONSE_BODY, number, 1100 + 8000 * n, each) for n, each in enumerate(said)]
    for at in range(0, len(pieces), EVENTS):
        yield b"".join(pieces[at : at + EVENTS])
    size, ended = sum(map(len, said)), 1200 + 8000 * len(said)
    ending = Ending("complete", "", "", ended, Timing(300, True, 400, 900, 1000, ended, 120), len(body), size, size)
    yield encoded.end(number, ended, frames.EndFrame(ending, len(body), size))


def pieces(kind: str, directory: Path) -> Iterator[list[bytes]]:
    """Yield the reads of so many calls as go through the stages together, without end."""
    bodies = agent_bodies(agent_file(directory)) if kind == "agent" else iter(())
    for first in count(1, TOGETHER[kind]):
        numbers = range(first, first + TOGETHER[kind])
        if kind == "small":
            yield list(small.reads(first, len(numbers)))
        elif kind == "paced":
            yield list(paced.reads(first, len(numbers)))
        else:
            yield [read for number in numbers for read in agent_reads(number, *next(bodies))]


class Stages:
    """The stages one after the other, and what each took of each piece."""

    def __init__(self, data_dir: Path) -> None:
        self.recorder, self.writer = small.RecorderLoop(), small.WriterLoop(data_dir)
        self._data_dir, self._index = data_dir, None
        self.taken: dict[str, list[float]] = {}

    def take(self, reads: list[bytes]) -> None:
        """Take what some calls give to read through all stages."""
        self._timed("recorder", self.recorder.take, reads)
        given = self.recorder.store.given
        self._timed("writer", self.writer.write, given)
        given.clear()
        if self._index is None:
            self._index = small.IndexLoop(self._data_dir, self.writer.fresh)
            self._index.rows()  # which makes it: from now on it follows
        self._timed("index", self._index.rows)
        self._timed("facts later", self._index.facts)

    def _timed(self, name: str, work: Any, *given: Any) -> None:
        before = time.thread_time()
        work(*given)
        self.taken.setdefault(name, []).append(time.thread_time() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=tuple(TOGETHER), default="small")
    parser.add_argument("--calls", type=int)
    args = parser.parse_args()
    together, calls = TOGETHER[args.kind], args.calls or CALLS[args.kind]
    with tempfile.TemporaryDirectory(prefix="stage-cost-") as name:
        data_dir = Path(name) / "data"
        data_dir.mkdir(mode=0o700)
        stages, reads = Stages(data_dir), pieces(args.kind, Path(name))
        for each in islice(reads, WARM[args.kind] // together):
            stages.take(each)
        freeze_gc(RECORDER_THRESHOLDS)
        stages.taken.clear()
        for each in islice(reads, calls // together):
            stages.take(each)
        for stage, taken in stages.taken.items():
            ordered = [1e6 * each / together for each in sorted(taken)]
            shown = (ordered[0], ordered[len(ordered) // 5], ordered[len(ordered) // 2])
            print("{:<12} least {:8.1f}  a fifth {:8.1f}  median {:8.1f} us a call".format(stage, *shown))
        stages.writer.finish()
        print("lines", small.digest(data_dir), "; most memory", resource.getrusage(0).ru_maxrss >> 10, "MB")


if __name__ == "__main__":
    main()
