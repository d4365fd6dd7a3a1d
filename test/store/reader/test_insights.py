"""What is made of records, asked of a store: from kept facts, from records, and after removals."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.cost import Cost
from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.facts import blocks, making
from ccsproxy.store.index.facts.packing import unpacked
from ccsproxy.store.index.file import remove_all
from ccsproxy.store.index.follower import Follower, bring_up, rebuild
from ccsproxy.store.index.index import Index
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.segments.segment import plain_path
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.annotations import Annotations
from ccsproxy.store.state.state import NAME as STATE
from ccsproxy.store.state.state import State
from test.insight.stored import copy_world, store_world
from test.insight.test_cache import sessions_of
from test.insight.world import LONG, MAIN, SECOND, World, make_world
from test.store.corpus import Segments


class StoredCase(SynchronousTestCase):
    """The world in a data dir, its index made."""

    world: World | None = None

    def setUp(self) -> None:
        if StoredCase.world is None:
            StoredCase.world = make_world()
        self.records: list[dict[str, Any]] = StoredCase.world.records
        self.dir = Path(self.mktemp()).absolute()
        copy_world(self.dir)
        self.reader = Reader(self.dir)
        self.insights = Insights(self.reader)

    def tearDown(self) -> None:
        self.reader.close()


def facts_due(reader: Reader) -> int:
    """Return how many requests wait for their facts."""
    sql = "SELECT count(*) FROM request_rows WHERE facts IS NULL AND outcome IS NOT NULL"
    return reader._source.ask(lambda connection: connection.execute(sql).fetchone()[0], -1)


class KeptTests(StoredCase):
    """Facts that are kept are those that were made."""

    def test_round_trip(self) -> None:
        fresh = sessions_of(self.records)
        for name, session in fresh.items():
            kept = {call.seq: call for call in self.reader.calls(name)}
            self.assertEqual({call.seq: call for call in session.calls}, kept)

    def test_none_is_due(self) -> None:
        self.assertEqual(facts_due(self.reader), 0)

    def test_missing_facts_are_made_from_records(self) -> None:
        """The answers are the same when no facts, or only some, are kept."""
        expected = self.insights.conversation(MAIN)
        self.patch(making, "BATCH", 7)
        for batches in range(0, 20, 4):
            remove_all(self.dir)
            index, lines = Index(self.dir, list_price), SegmentLines(self.dir)
            Follower(index, lines).catch_up()
            rounds = iter(range(batches))
            self.assertTrue(index.facts.make(lines, lambda rounds=rounds: next(rounds, None) is not None))
            index.close()
            reader = Reader(self.dir)
            self.assertGreater(facts_due(reader), 0)
            self.assertEqual(Insights(reader).conversation(MAIN), expected)
            reader.close()

    def test_what_is_sent_again_outlives_the_call(self) -> None:
        """Of a session that loses its first calls, what later ones send again stays, and nothing else of them."""
        other = Path(self.mktemp()).absolute()
        other.mkdir(mode=0o700)
        mine = [record for record in self.records if record["session_id"] == LONG]
        segments = Segments(other, rotate_size=1)
        first = segments.write(*mine[:8])
        segments.write(*mine[8:])
        rebuild(other, list_price)
        plain_path(other, first).unlink()
        bring_up(other, list_price)
        left = sessions_of(mine[8:])[LONG].calls
        reader = Reader(other)
        self.addCleanup(reader.close)
        self.assertEqual([(call.seq, call.items) for call in reader.calls(LONG)], [(c.seq, c.items) for c in left])
        self.assertEqual(facts_due(reader), 0)
        connection = sqlite3.connect(other / "index.sqlite3")
        named, stands = set[int](), set[int]()
        for (data,) in connection.execute("SELECT data FROM call_blocks"):
            for call in blocks.decoded(data):
                named.update(call.numbers())
                stands.update(blocks.items.decode(call.items))
        connection.close()
        self.assertEqual(stands, named)

    def test_removed_session_leaves_nothing(self) -> None:
        """Neither facts nor items of a removed session stay in the index."""
        with OfflineStore(self.dir, StoreSettings(writer="test")) as store:
            store.forget([MAIN])
        connection = sqlite3.connect(self.dir / "index.sqlite3")
        kept = "SELECT data FROM call_blocks UNION ALL SELECT items FROM prompts"
        blobs = [unpacked(row[0]) for row in connection.execute(kept)]
        connection.close()
        self.assertTrue(blobs)
        self.assertFalse(any(b"Customers are refunded" in blob or b"select * from ledger" in blob for blob in blobs))
        with self.assertRaises(NotKept):
            Insights(Reader(self.dir)).conversation(MAIN)
        self.assertEqual(len(Insights(Reader(self.dir)).conversation(SECOND)["turns"]), 8)

    def test_grows_with_what_is_new(self) -> None:
        """The facts of a long session are far smaller than its records."""
        size = sum(len(msgspec.json.encode(record)) for record in self.records if record["session_id"] == LONG)
        connection = sqlite3.connect(self.dir / "index.sqlite3")
        (kept,) = connection.execute("SELECT sum(length(data)) FROM call_blocks").fetchone()
        connection.close()
        self.assertLess(kept, size / 10)

    def test_later_calls(self) -> None:
        """A session that goes on is a new object with its new calls."""
        other = Path(self.mktemp()).absolute()
        first = [record for record in self.records if record["session_id"] == LONG]
        store_world(other, first[:5])
        insights = Insights(Reader(other))
        self.assertEqual(len(insights.session(LONG).calls), 5)
        store_world(other, first[5:], indexed=False)
        bring_up(other, list_price)
        self.assertEqual(insights.conversation(LONG)["turns"], self.insights.conversation(LONG)["turns"])


class AnnotationTests(StoredCase):
    """What people wrote about sessions and calls."""

    def test_annotations(self) -> None:
        """What people wrote comes through; where nobody wrote anything there is none, and no file for it."""
        self.assertEqual(self.insights.annotations(), [])
        self.assertFalse((self.dir / STATE).exists())
        state = State(self.dir)
        self.addCleanup(state.close)
        Annotations(state).change(MAIN, note="look")
        self.assertEqual(
            [(each["session_id"], each["note"]) for each in self.insights.annotations()], [(MAIN, "look")]
        )


class AnswerTests(StoredCase):
    """The answers as the API gives them."""

    def test_cache(self) -> None:
        assert StoredCase.world is not None
        seq = next(seq for kind, seq in StoredCase.world.truths[MAIN].marks if kind == "tools")
        got = self.insights.cache(MAIN, seq)
        self.assertEqual((got["verdict"], got["part"], got["place"]), ("changed", "tools", "tools[40]"))
        self.assertIn("mcp__linear__get_issue", got["first_difference"])
        self.assertEqual(got["read_tokens"], 0)
        self.assertGreater(got["lost_cost"], 0.01)
        self.assertIn("mcp__linear__get_issue", got["exact"]["after"])

    def test_prompts(self) -> None:
        got = self.insights.prompts()
        version = next(each for each in got if "claude-code 2.1.198" in each["clients"] and each["kind"] == "system")
        shown = self.insights.prompt(version["id"])
        self.assertTrue(shown["content"][1]["text"].startswith("Version two."))
        self.assertEqual(shown["changes"][0]["place"], "system[1]")

    def test_leaks_limits_findings(self) -> None:
        self.assertEqual({each["kind"] for each in self.insights.leaks()}, {"stripe-key", "password"})
        names = {each["name"] for each in self.insights.limits()}
        self.assertLessEqual({"5h"}, names)
        found = self.insights.findings_since()
        self.assertEqual(found[0]["kind"], "secret")
        self.assertGreater(len({each["session_id"] for each in found}), 1)

    def test_why(self) -> None:
        got = self.insights.why(MAIN, 13)
        self.assertGreater(got["cost"]["total"], 0)
        self.assertEqual(set(got["times"]) & {"waiting", "streaming", "stalled"}, {"waiting", "streaming", "stalled"})

    def test_why_there_is_no_price(self) -> None:
        """What is missing is said in a sentence, and only where a price is."""
        self.assertIsNone(self.insights.why(MAIN, 13)["cost"]["gap"])
        session, call = self.insights.call(MAIN, 13)
        self.patch(self.insights, "call", lambda *_: (session, msgspec.structs.replace(call, cost=None)))
        self.patch(self.reader, "price", lambda *_: Cost(None, "price", "no price of m is known"))
        self.assertEqual(self.insights.cost(MAIN, 13)["gap"], "no price of m is known")

    def test_stalls(self) -> None:
        """By model, with the worst call; a time that lets none of them through has none."""
        got = self.insights.stalls()
        every = [each for each in self.records if self.insights.session(each["session_id"])]
        calls = [c for sid in {r["session_id"] for r in every} for c in self.insights.session(sid).calls if c.stalls]
        self.assertEqual(got["stalls"], sum(len(call.stalls) for call in calls))
        self.assertGreater(got["stalls"], 0)
        worst = max(calls, key=lambda call: max(gap for _, gap in call.stalls))
        self.assertIn({"session_id": worst.session_id, "seq": worst.seq}, [row["worst"] for row in got["rows"]])
        self.assertEqual(self.insights.stalls(until=1000)["rows"], [])

    def test_unknown(self) -> None:
        for ask in (lambda: self.insights.conversation("x"), lambda: self.insights.cache(MAIN, 999)):
            with self.assertRaises(NotKept):
                ask()
