"""Kills and network faults at every step: every record there once after deduplication, in order, positions right.

A run is a number: it says what is written when, what fails, and where the process is killed. ``CCSPROXY_SHIP_FAULTS``
sets how many there are of each kind of target (the issue asks for 500), ``CCSPROXY_SHIP_FIRST`` which is the first.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.clickhouse import target as clickhouse
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.jsonl import target as jsonl
from ccsproxy.ship.objects import target as objects
from ccsproxy.ship.objects.store import ObjectStore
from ccsproxy.ship.otlp import target as otlp
from ccsproxy.ship.reply import Reply
from ccsproxy.ship.target import TargetContext, Unavailable
from ccsproxy.store.segments.segment import segment_name
from ccsproxy.store.state.shipments import DONE, Position
from ccsproxy.store.state.state import State
from test.ship.receivers import Receiver
from test.ship.segments import Segments

RUNS = int(os.environ.get("CCSPROXY_SHIP_FAULTS", "6"))
FIRST_RUN = int(os.environ.get("CCSPROXY_SHIP_FIRST", "0"))


class Killed(BaseException):
    """The process that ships is gone, at this very step."""


class Run:
    """One run: segments that grow, are closed, compressed and rewritten, a target that fails, a shipper that dies.

    :ivar kept: for each session the numbers that are to be there in the end.
    """

    def __init__(self, case: "FaultTests", seed: int, kind: str) -> None:
        self.case, self.kind = case, kind
        self.chance = random.Random(seed)
        self.segments = Segments(Path(case.mktemp()).absolute())
        self.lake = Path(case.mktemp()).absolute()
        self.receiver = Receiver(kind, self.chance)
        self.clock = Clock()
        self.kept: dict[str, list[int]] = {}
        self.removed: set[str] = set()
        self.number, self.begun, self.name = 0, 1_796_032_800.0, ""
        self.steps = 0  # until the process is killed, 0 for never
        self.closed: list[str] = []

    def play(self) -> None:
        """Let things happen, then let the shipper finish in peace."""
        for _ in range(self.chance.randint(6, 14)):
            for _ in range(self.chance.randint(0, 3)):
                self.write()
            self.steps = self.chance.choice((0, 1, 2, 3, 5, 8, 13))
            self.receiver.trouble = self.chance.random() * 0.6
            self.ship(self.chance.random() * 8)
        self.close()
        self.steps, self.receiver.trouble = 0, 0.0
        self.ship(300.0)
        self.ship(20.0)

    def write(self) -> None:
        """Write a few records, close a segment, or remove a session."""
        what = self.chance.random()
        if what < 0.7 or not self.name:
            if not self.name:
                self.begun += 10
                self.name = segment_name(self.begun, self.chance.randbytes(4))
            session = f"s{self.chance.randrange(4)}"
            numbers = list(range(self.number + 1, self.number + self.chance.randint(1, 6) + 1))
            self.number = numbers[-1]
            self.segments.add(self.name, numbers, session)
            self.kept.setdefault(session, []).extend(numbers)
        elif what < 0.9:
            self.close()
        elif self.closed:
            self.remove(f"s{self.chance.randrange(4)}")

    def close(self) -> None:
        """Close the segment, compressed or not."""
        if self.name:
            self.segments.close(self.name, compress=self.chance.random() < 0.7)
            self.closed.append(self.name)
            self.name = ""

    def remove(self, session: str) -> None:
        """Remove a session as ``rm`` does: from the segments first, then asking the targets."""
        self.close()
        left = []
        for name in self.closed:
            new = self.segments.rewrite(name, lambda head: head.session_id != session, self.chance.randbytes(4))
            left += [new] if new else []
        self.closed = left
        state = State(self.segments.data_dir)
        state.forget(session)
        state.close()
        self.kept.pop(session, None)

    def ship(self, seconds: float) -> None:
        """Let a shipper run, until it is killed or the time is over."""
        ledger = Ledger(self.segments.data_dir)
        pump = Pump(
            self.clock, "t", self.target(), RecordSource(self.segments.data_dir, "h"), ledger, True, self.in_thread,
            Backoff(self.chance.random), self.clock.seconds,
        )  # fmt: skip
        ended: list[Any] = []
        ensureDeferred(pump.run(Position())).addBoth(ended.append)
        while seconds > 0 and not ended:
            self.clock.advance(0.5)
            seconds -= 0.5
        pump.stop()
        if isinstance(ended[0] if ended else None, Failure) and not ended[0].check(Killed):
            ended[0].raiseException()
        ledger.close()

    async def in_thread(self, work: Callable[[], Any], *arguments: Any) -> Any:
        """Do something at once; the kill comes before or behind it."""
        self.steps -= 1
        if self.steps == 0 and self.chance.random() < 0.5:
            raise Killed
        done = work(*arguments)
        if self.steps == 0:
            raise Killed
        return done

    def target(self) -> Any:
        """Make the target as a process does that has just begun."""
        url = {
            "jsonl": "jsonl+http://127.0.0.1:9/x",
            "clickhouse": "clickhouse+http://127.0.0.1:9/llm?ttl_days=0",
            "otlp": "otlp+http://127.0.0.1:9",
        }
        address = ship_address(url.get(self.kind, f"file://{self.lake}"))
        around = TargetContext(self.clock, address, Credentials(), "h", str(self.segments.data_dir))
        if self.kind == "file":
            self.case.patch(objects, "deferToThread", self.in_thread)
            made: Any = objects.ObjectTarget(around)
            made._store = TroubledStore(address, self)
            return made
        module, make = {
            "jsonl": (jsonl, jsonl.JsonLinesTarget),
            "clickhouse": (clickhouse, clickhouse.ClickHouseTarget),
            "otlp": (otlp, otlp.OtlpTarget),
        }[self.kind]
        self.case.patch(module, "deferToThread", self.in_thread)
        made = make(around)
        made.limits = BatchLimits(rows=5, size=1 << 20)
        made._client = TroubledClient(self)
        return made

    def found(self) -> dict[str, list[int]]:
        """Return what the target has of each session, in the order in which it came."""
        if self.kind != "file":
            return self.receiver.sessions()
        found: dict[str, list[int]] = {}
        store = ObjectStore(ship_address(f"file://{self.lake}"), {})
        for path in sorted(store.paths()):
            if path.endswith(".jsonl.zst"):
                for line in records_of((store.read(path) or (b"", None))[0]):
                    found.setdefault(line["session_id"], []).append(line["seq"])
        return found


class TroubledClient:
    """The way to a receiver, which may be cut before or behind it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def post(self, url: str, body: bytes, headers: Any, **more: Any) -> Reply:
        """Bring something there, and perhaps the answer back."""
        run = self._run
        if run.chance.random() < run.receiver.trouble:
            raise Unavailable("the connection was refused")
        reply = run.receiver.take(url, body, headers)
        if run.chance.random() < run.receiver.trouble:
            raise Unavailable("the connection broke off")
        run.steps -= 1
        if run.steps == 0:
            raise Killed
        return reply

    async def close(self) -> None:
        """Have nothing to close."""


class TroubledStore(ObjectStore):
    """A folder that fails before or behind what it is asked for."""

    def __init__(self, address: Any, run: Run) -> None:
        super().__init__(address, {})
        self._run = run

    def _asked(self, work: Callable[[], Any]) -> Any:
        run = self._run
        if run.chance.random() < run.receiver.trouble / 2:
            raise Unavailable("it does not answer")
        done = super()._asked(work)
        if run.chance.random() < run.receiver.trouble / 2:
            raise Unavailable("the connection broke off")
        run.steps -= 1
        if run.steps == 0:
            raise Killed
        return done


def records_of(packed: bytes) -> list[dict[str, Any]]:
    """Return the records of a compressed segment."""
    import zstandard

    text = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    lines = [codec.decode(each) for each in text.splitlines(keepends=True)]
    return [each for each in lines if "outcome" in each]


class FaultTests(SynchronousTestCase):
    """Runs of each kind of target."""

    def check(self, kind: str) -> None:
        for seed in range(FIRST_RUN, FIRST_RUN + RUNS):
            run = Run(self, seed, kind)
            run.play()
            kept = {session: numbers for session, numbers in run.kept.items() if numbers}
            found = run.found()
            if kind == "otlp":  # which deletes nothing: what was removed here has to be removed there by hand
                found = {session: [n for n in found.get(session, ()) if n in kept[session]] for session in kept}
            self.assertEqual(found, kept, f"{kind}, run {seed}")
            state = State(run.segments.data_dir)
            self.assertEqual(state.deletions(), [], f"{kind}, run {seed}")
            state.close()
            ledger = Ledger(run.segments.data_dir)
            shipped = ledger.get("t")
            ledger.close()
            assert shipped is not None
            if run.closed:
                # Behind the last segment that there is, or behind one that a removal has left nothing of.
                self.assertGreaterEqual(shipped.position.stamp, run.closed[-1][:19], f"{kind}, run {seed}")
                if shipped.position.stamp == run.closed[-1][:19]:
                    self.assertEqual(shipped.position.offset, DONE, f"{kind}, run {seed}")
            self.flushLoggedErrors()

    def test_json_lines(self) -> None:
        """A receiver that takes each token once."""
        self.check("jsonl")

    def test_clickhouse(self) -> None:
        """Tables whose tokens are known and whose rows replace one another."""
        self.check("clickhouse")

    def test_otlp(self) -> None:
        """A collector that keeps all that it is sent: each call is one span, by its id, however often it came."""
        self.check("otlp")

    def test_folder(self) -> None:
        """Closed segments."""
        self.check("file")
