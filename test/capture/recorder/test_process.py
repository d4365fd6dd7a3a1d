"""A whole recorder without its process: relays' logs are read, worked off and left, whoever dies."""

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames, journal
from ccsproxy.capture.frames import Attached
from ccsproxy.capture.journal import Journal
from ccsproxy.capture.recorder.ingest.source import APPENDING, LOOK_AGAIN, RelaySource
from ccsproxy.capture.recorder.process import FIRST_AFTER, HEALTH_EVERY, RecorderParts, RecorderProcess, Recovered
from ccsproxy.capture.relay.log_writer import LogWriter
from ccsproxy.capture.relay.spill import Spill
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.capture.shared_log import REGION, SharedLog
from ccsproxy.capture.spill import open_nameless
from ccsproxy.providers.price_book import COPY
from ccsproxy.store.maintenance.unclean import unclean_record
from test.capture.fakes import NowDisk, ending, request_head, response_head
from test.capture.recorder.fake_interfaces import MEANING, MemoryStore, Stars
from test.capture.recorder.test_recorder import started

KEY = b"k" * 32
DIED = ("relay_died", "The proxy died.")


class FakeRelay:
    """A relay with a log, and the recorder's end of the link to it."""

    def __init__(self, number: int, directory: Path) -> None:
        self.number, self.path = number, directory / f"journal.{number}"
        self.log, self.journal = SharedLog.make(), journal.make(self.path, "run")
        self.spill = open_nameless(directory)
        self.shared = SharedLog(self.log)
        spill = Spill(os.dup(self.spill), KEY, NowDisk(), lambda: 0.0)
        self.writer = LogWriter(self.shared, spill, 2 * REGION)
        self.capture = RelayCapture(number, self.shared, self.writer, Journal(self.journal), lambda: None)
        self.transport = StringTransport()
        self.source: RelaySource | None = None

    def exchange(self, name: str, size: int = 10) -> Any:
        """Begin and end an exchange."""
        tap = self.begin(name, size)
        tap.end(ending())
        return tap

    def begin(self, name: str, size: int = 10) -> Any:
        tap = self.capture.begin(request_head(name))
        tap.request_body(b"x" * size)
        return tap

    def tell(self) -> None:
        """Tell the recorder how far the log is written."""
        assert self.source is not None
        self.source.dataReceived(frames.more(self.writer.position))

    def said(self, kind: str) -> list[Any]:
        """Return what the recorder has told of one kind."""
        lines = [msgspec.json.decode(line) for line in self.transport.value().splitlines()]
        return [line[kind] for line in lines if kind in line]

    def stored(self) -> list[int]:
        """Return which exchanges the recorder has said to be stored, by their own count."""
        first = self.number << frames.RELAY_SHIFT
        return [number - first for numbers in self.said("stored") for number in numbers]


class ProcessCase(SynchronousTestCase):
    """A recorder over a store in memory, at a time of our own."""

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.clock, self.store, self.stopped = Clock(), MemoryStore(), 0
        self.recovered = Recovered()
        parts = RecorderParts(
            lambda settings, reactor, prices: self.store,
            lambda _: self.recovered,
            unclean_record,
            MEANING,
            lambda settings: self.redacted_by.append(settings.redact_patterns) or Stars,
        )
        self.redacted_by: list[tuple[str, ...]] = []
        self.process = RecorderProcess(self.clock, parts, self.adopt, self.stop)
        self.inbox, self.transport = self.process.inbox, StringTransport()
        self.inbox.makeConnection(self.transport)
        self.relays: list[FakeRelay] = []

    def stop(self) -> None:
        self.stopped += 1

    def adopt(self, link: int, source: RelaySource) -> None:
        """Connect a relay's link to a transport in memory."""
        os.close(link)
        relay = next(each for each in self.relays if each.number == source.relay)
        relay.source = source
        source.makeConnection(relay.transport)

    def relay(self, number: int = 1) -> FakeRelay:
        """Make a relay; the recorder does not know of it yet."""
        relay = FakeRelay(number, self.directory)
        self.relays.append(relay)
        return relay

    def attach(self, relay: FakeRelay, linked: bool = True, skip: list[int] | None = None) -> None:
        """Tell the recorder of a relay, as the main process does."""
        ours, theirs = socket.socketpair()
        links = [os.dup(theirs.fileno())] if linked else []
        ours.close()
        theirs.close()
        for descriptor in (*map(os.dup, (relay.log, relay.journal, relay.spill)), *links):
            self.inbox.fileDescriptorReceived(descriptor)
        attached = Attached(relay.number, linked, True, [str(relay.path)], DIED, skip or [])
        self.inbox.dataReceived(frames.message(frames.ATTACH, attached))

    def hello(self, wait: float = FIRST_AFTER) -> None:
        """Say the settings, and let the store open."""
        settings = RecorderSettings(
            data_dir=str(self.directory), run_session_id="run", spill_key=KEY, provider="auto"
        )
        self.inbox.dataReceived(frames.message(frames.HELLO, settings))
        self.pump(wait)

    def start(self, *relays: FakeRelay) -> None:
        for each in relays:
            self.attach(each)
        self.hello()

    def pump(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that is due."""
        self.clock.advance(seconds)
        for _ in range(50):
            self.clock.advance(0)

    def said(self, kind: str) -> list[Any]:
        """Return what the main process has been told of one kind."""
        self.pump()
        lines = [msgspec.json.decode(line) for line in self.transport.value().splitlines()]
        return [line[kind] for line in lines if kind in line]

    def ids(self) -> list[str]:
        return [record.id for record in self.store.records]

    def assert_over(self) -> None:
        """The recorder has closed its store, has ended, and leaves nothing to do."""
        self.pump()
        self.assertEqual((self.store.closed, self.stopped, self.clock.getDelayedCalls()), (True, 1, []))


class LifeTests(ProcessCase):
    """Opened, told of logs, closed."""

    def test_a_life(self) -> None:
        """What is in a log becomes records, the relay hears of them, and the end is said."""
        relay = self.relay()
        self.start(relay)
        self.assertEqual((self.said("ready"), self.said("health")), ([True], [{"state": "ok"}]))
        relay.exchange("e1")
        relay.tell()
        self.pump()
        self.assertEqual((self.ids(), relay.stored()), (["e1"], [1]))
        self.inbox.dataReceived(frames.message(frames.CLOSE))
        self.assertEqual(self.said("closed"), [True])
        self.assert_over()

    def test_told_again(self) -> None:
        """Labels, prices and patterns change while it runs; prices that cannot be used change nothing."""
        relay, prices = self.relay(), self.directory / "own.toml"
        self.start(relay)
        prices.write_text('[[price]]\nmodels = ["house"]\nrates = {input = 1.0, output = 2.0}\n')
        again = RecorderSettings(
            data_dir=str(self.directory),
            run_session_id="run",
            spill_key=KEY,
            provider="auto",
            prices=str(prices),
            labels={"team": "search"},
            redact_patterns=("ACME-[0-9]+",),
        )
        self.inbox.dataReceived(frames.message(frames.RELOAD, again))
        relay.exchange("e1")
        relay.tell()
        self.pump()
        self.assertEqual([record.labels for record in self.store.records], [{"team": "search"}])
        kept = self.directory / COPY
        self.assertEqual(kept.read_bytes(), prices.read_bytes())
        prices.write_text("[[price]")
        self.inbox.dataReceived(frames.message(frames.RELOAD, again))
        self.assertEqual(self.redacted_by, [(), ("ACME-[0-9]+",)])
        self.assertIn("house", kept.read_text())
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_what_was_written_before_it_was_there(self) -> None:
        """A log is read from its beginning; nothing is read while the store opens."""
        relay = self.relay()
        relay.exchange("e1")
        self.attach(relay)
        self.pump()
        self.assertEqual(self.ids(), [])
        self.hello()
        self.assertEqual((self.ids(), list(self.store.alive)), (["e1"], ["e1"]))

    def test_a_relay_that_comes_later(self) -> None:
        """A worker that is started while the recorder runs is read, too; its numbers are its own."""
        one, two = self.relay(1), self.relay(2)
        self.start(one)
        self.attach(two)
        one.exchange("e1")
        two.exchange("e2")
        for each in (one, two):
            each.tell()
        self.pump()
        self.assertEqual((sorted(self.ids()), one.stored(), two.stored()), (["e1", "e2"], [1], [1]))

    def test_the_close_says_all(self) -> None:
        """What was written and not told of is stored before the end; what has not ended is cut."""
        relay = self.relay()
        self.start(relay)
        relay.exchange("e1", 3 * REGION)
        relay.begin("e2")
        self.inbox.dataReceived(frames.message(frames.CLOSE))
        self.assert_over()
        self.assertEqual([(r.id, r.outcome) for r in self.store.records], [("e1", "complete"), ("e2", "shutdown")])
        self.assertEqual(relay.stored(), [1, 2])

    def test_a_close_before_the_store_is_open(self) -> None:
        """It is heeded when the store is."""
        relay = self.relay()
        relay.exchange("e1")
        self.attach(relay)
        self.hello(0)
        self.inbox.dataReceived(frames.message(frames.CLOSE))
        self.pump(FIRST_AFTER)
        self.assertEqual(self.ids(), ["e1"])
        self.assert_over()

    def test_a_store_that_does_not_open(self) -> None:
        """The process ends, and is started again."""
        self.store.open = lambda alive: fail(OSError("locked"))  # type: ignore[method-assign]
        self.hello()
        self.assertEqual((self.stopped, self.said("ready")), (1, []))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_nonsense_of_the_main_process(self) -> None:
        """A message that cannot be used costs nothing else."""
        self.inbox.dataReceived(frames.frame(frames.ATTACH, payload=b"\xc1"))
        self.start(self.relay())
        self.assertEqual(self.said("ready"), [True])
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class PaceTests(ProcessCase):
    """No more is read than the store takes."""

    def test_a_lagging_store_stops_the_reading(self) -> None:
        """While too many records wait for the store the log waits; then it goes on, in order."""
        relay = self.relay()
        self.store.held = []
        self.start(relay)
        for number in range(1, 401):
            relay.exchange(f"e{number}")
        relay.tell()
        self.pump()
        self.assertEqual(len(self.store.records), APPENDING + 1)
        self.pump(LOOK_AGAIN)
        self.assertEqual(len(self.store.records), APPENDING + 1)
        for waiting in self.store.held[: APPENDING // 2]:
            waiting.callback(None)
        self.pump(LOOK_AGAIN)
        self.assertEqual(len(self.store.records), APPENDING + 1)
        for waiting in self.store.held[APPENDING // 2 :]:
            waiting.callback(None)
        self.pump(LOOK_AGAIN)
        self.assertEqual(self.ids(), [f"e{number}" for number in range(1, 401)])

    def test_a_long_log_leaves_the_others_their_turns(self) -> None:
        """One relay's backlog is read in pieces, so that another one's exchange is not behind all of it."""
        one, two = self.relay(1), self.relay(2)
        for number in range(40):
            one.exchange(f"a{number}", REGION)
        two.exchange("b")
        self.start(one, two)
        self.assertLess(self.ids().index("b"), 10)
        self.assertEqual(len(self.ids()), 41)

    def test_the_relay_hears_what_has_been_taken(self) -> None:
        """With the acknowledgements, and once a second without any."""
        relay = self.relay()
        self.start(relay)
        relay.begin("e1", 3 * REGION)
        relay.tell()
        self.pump()
        self.assertEqual(relay.said("taken"), [])
        self.pump(HEALTH_EVERY)
        self.assertEqual(relay.said("taken"), [3])
        self.pump(HEALTH_EVERY)
        self.assertEqual(relay.said("taken"), [3])


class DeathTests(ProcessCase):
    """Whoever dies, what was said is recorded, each exchange once."""

    def lose(self, relay: FakeRelay) -> None:
        assert relay.source is not None
        relay.source.connectionLost()
        self.pump()

    def test_a_worker_dies(self) -> None:
        """All that is in its log is recorded, told of or not; what it had under way is unclean, and it departs."""
        relay = self.relay(2)
        self.start(relay)
        relay.exchange("told")
        relay.tell()
        relay.exchange("not told")
        relay.begin("under way").response_head(response_head())
        self.lose(relay)
        self.assertEqual(
            [(r.id, r.outcome) for r in self.store.records],
            [("told", "complete"), ("not told", "complete"), ("under way", "unclean")],
        )
        self.assertEqual(self.said("departed"), [[2, 3]])
        self.assertFalse(relay.path.exists())
        self.assertEqual(self.process.sources, {})

    def test_it_departs_when_its_records_are_stored(self) -> None:
        """Not before: until then its journal is needed."""
        relay = self.relay(2)
        self.start(relay)
        self.store.held = []
        relay.exchange("e1")
        self.lose(relay)
        self.assertEqual((self.said("departed"), relay.path.exists()), ([], True))
        self.store.held[0].callback(None)
        self.assertEqual((self.said("departed"), relay.path.exists()), ([[2, 1]], False))

    def test_killed_between_journal_and_log(self) -> None:
        """An exchange that is in the journal and not in the log is recorded as unclean."""
        relay = self.relay(2)
        self.start(relay)
        relay.exchange("e1")
        relay.capture.journal.begin((2 << frames.RELAY_SHIFT) + 2, "e2", 1.0, "anthropic")
        self.lose(relay)
        self.assertEqual([(r.id, r.outcome) for r in self.store.records], [("e1", "complete"), ("e2", "unclean")])

    def test_the_main_process_dies(self) -> None:
        """Everything that it had said is recorded, then the recorder ends."""
        relay = self.relay()
        self.start(relay)
        for number in range(20):
            relay.exchange(f"e{number}", REGION)
        self.inbox.connectionLost()
        self.lose(relay)
        self.assertEqual(len(self.ids()), 20)
        self.assert_over()

    def test_it_dies_while_the_store_opens(self) -> None:
        """What had been said is recorded when the store is open."""
        relay = self.relay()
        relay.exchange("e1")
        self.attach(relay)
        self.hello(0)
        self.inbox.connectionLost()
        self.lose(relay)
        self.pump(FIRST_AFTER)
        self.assertEqual(self.ids(), ["e1"])
        self.assert_over()

    def test_a_worker_that_does_not_end_with_the_main_process(self) -> None:
        """It is waited for, but not for ever."""
        one, two = self.relay(1), self.relay(2)
        self.start(one, two)
        two.exchange("e1")
        self.inbox.connectionLost()
        self.lose(one)
        self.assertEqual(self.stopped, 0)
        self.pump(10.0)
        self.assertEqual(self.ids(), ["e1"])
        self.assert_over()

    def test_the_recorder_dies(self) -> None:
        """The next one reads all that is not settled again, whole, and nothing that is; each keeps its number."""
        relay = self.relay()
        settled = relay.exchange("settled", REGION)
        for name in ("stored", "numbered", "new"):
            relay.exchange(name, REGION)
        relay.capture.settle_stored([settled.number])
        self.recovered = Recovered({"numbered": started("numbered", "s", 9)}, ["stored"])
        self.start(relay)
        self.assertEqual([(r.id, r.seq) for r in self.store.records], [("numbered", 9), ("new", 1)])
        self.assertEqual({r.request.body_bytes for r in self.store.records}, {REGION})
        self.assertEqual(relay.stored(), [2, 3, 4])
        self.assertEqual(set(self.store.alive), {"stored", "numbered", "new"})

    def test_since_when_records_are_looked_for(self) -> None:
        """The store hears since when the oldest ended exchange has waited; a journal names its beginnings."""
        old = self.directory / "journal" / "old.1"
        old.parent.mkdir(mode=0o700)
        left = journal.make(old, "old")
        Journal(left).begin(1, "lost", 5.0, "anthropic")
        os.close(left)
        one, two = self.relay(1), self.relay(2)
        one.exchange("ended")
        two.begin("under way")
        self.start(one, two)
        self.assertLess(abs(self.store.alive.pop("ended") - time.time()), 60)
        self.assertEqual(self.store.alive, {"under way": None, "lost": 5.0})

    def test_recorder_and_worker_die(self) -> None:
        """The next recorder is given the log that is left."""
        relay = self.relay(2)
        relay.exchange("e1")
        relay.begin("e2")
        self.attach(relay, linked=False)
        self.hello()
        self.assertEqual([(r.id, r.outcome) for r in self.store.records], [("e1", "complete"), ("e2", "unclean")])
        self.assertEqual(self.said("departed"), [[2, 2]])

    def give_up_first_region(self, relay: FakeRelay) -> None:
        """Let the relay give up what the recorder has taken first."""
        first = next(iter(relay.writer._closed.values()))
        relay.writer.taken = first.seq
        relay.writer._discard_taken()

    def test_a_head_that_only_a_dead_recorder_knew(self) -> None:
        """Its exchange is recorded as unclean when it ends; one whose body has a gap says how much is missing."""
        relay = self.relay()
        relay.writer._soft = 100
        gone = relay.begin("gone", REGION // 2)
        relay.exchange("between", REGION)
        self.give_up_first_region(relay)
        self.start(relay)
        self.assertEqual(self.ids(), ["between"])
        gone.end(ending())
        relay.exchange("after")
        relay.tell()
        self.pump()
        self.assertEqual(
            [(r.id, r.outcome) for r in self.store.records],
            [("between", "unclean"), ("gone", "unclean"), ("after", "complete")],
        )
        self.assertEqual(sorted(relay.stored()), [1, 2, 3])

    def test_all_that_only_a_dead_recorder_knew(self) -> None:
        """What is over, and not in the log any more, is recorded at once, and does not wait for the relay's end."""
        relay = self.relay()
        relay.writer._soft = 100
        relay.exchange("gone")
        under_way = relay.begin("under way")
        relay.exchange("large", 2 * REGION)
        self.give_up_first_region(relay)
        self.start(relay)
        self.assertEqual([(r.id, r.outcome) for r in self.store.records[:1]], [("gone", "unclean")])
        under_way.end(ending())
        relay.tell()
        self.pump()
        self.assertEqual(sorted((r.id, r.outcome) for r in self.store.records),
                         [("gone", "unclean"), ("large", "unclean"), ("under way", "unclean")])  # fmt: skip
        self.assertEqual(sorted(relay.stored()), [1, 2, 3])

    def test_the_relay_dies_after_it_gave_something_up(self) -> None:
        """What its recorder had taken is recorded once."""
        relay = self.relay()
        relay.writer._soft = 100
        self.start(relay)
        relay.begin("under way", REGION // 2)
        relay.exchange("whole", REGION)
        relay.tell()
        self.pump()
        self.give_up_first_region(relay)
        self.lose(relay)
        self.assertEqual(
            [(r.id, r.outcome) for r in self.store.records], [("whole", "complete"), ("under way", "unclean")]
        )

    def test_what_killed_its_predecessors_is_left_out(self) -> None:
        """It is counted as dropped, and not touched."""
        relay = self.relay()
        for name in ("good", "bad", "after"):
            relay.exchange(name)
        bad = (1 << frames.RELAY_SHIFT) + 2
        self.attach(relay, skip=[bad])
        self.hello()
        self.assertEqual((self.ids(), relay.said("dropped")), (["good", "after"], [[bad]]))
        self.assertEqual(relay.capture.dropped, {"recorder": 1})

    def test_all_died(self) -> None:
        """What earlier runs have left in their journals is recorded as unclean, once, and the journals go."""
        old = self.directory / "journal" / "old.1"
        old.parent.mkdir(mode=0o700)
        left = journal.make(old, "old")
        writer = Journal(left)
        for number, name in enumerate(("stored", "announced", "lost"), 1):
            writer.begin(number, name, 1.0, "anthropic")
        writer.close()
        os.close(left)
        self.recovered = Recovered({"announced": started("announced", "s", 4)}, ["stored"])
        self.start(self.relay())
        self.assertEqual(
            [(r.id, r.outcome, r.session_id, r.seq) for r in self.store.records],
            [("announced", "unclean", "s", 4), ("lost", "unclean", "old", 1)],
        )
        self.assertFalse(old.exists())

    def test_a_journal_is_kept_until_all_of_it_is_recorded(self) -> None:
        """A store that takes nothing now may take it at the next start."""
        old = self.directory / "journal" / "old.1"
        old.parent.mkdir(mode=0o700)
        left = journal.make(old, "old")
        Journal(left).begin(1, "lost", 1.0, "anthropic")
        os.close(left)
        self.store.refusal = OSError("full")
        self.start(self.relay())
        self.assertTrue(old.exists())
