"""Shipping to ClickHouse's current engine: everything once, also over kills, odd rows alone left out, removals."""

import random
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.delivery.batch import BatchLimits, SegmentBatch
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.state.shipments import Position, Shipment
from ccsproxy.store.state.state import State
from test.engines.clickhouse import ClickHouse
from test.ship.documented import queries
from test.ship.segments import FIRST, SECOND, THIRD, Segments
from test.store.corpus import Corpus
from test.store.records import record


class ClickHouseCase(TestCase):
    """A data dir and an engine."""

    timeout = 300

    def setUp(self) -> None:
        """Start the engine."""
        self.engine = ClickHouse(Path(self.mktemp()).absolute())
        self.engine.start()
        self.addCleanup(self.engine.kill)
        self.segments = Segments(Path(self.mktemp()).absolute())

    def pump(self, options: str = "ttl_days=0", content: bool = True) -> Pump:
        """Make a pump, as a process does that has just begun."""
        address = ship_address(f"clickhouse+http://127.0.0.1:{self.engine.port}/llm?{options}")
        around = TargetContext(reactor, address, Credentials(), "h", str(self.segments.data_dir), content)
        target = ClickHouseTarget(around)
        target.limits = BatchLimits(rows=40, size=1 << 20)
        ledger = Ledger(self.segments.data_dir)
        self.addCleanup(ledger.close)
        source = RecordSource(self.segments.data_dir, "h")
        return Pump(reactor, "t", target, source, ledger, content, backoff=Backoff(lambda: 0.0))

    async def ship(self, **options: Any) -> Pump:
        """Ship everything that is there."""
        pump = self.pump(**options)
        await pump.run(Position(), until="9")
        return pump

    def write(self, name: str, made: list[dict[str, Any]], close: bool = True) -> None:
        """Write records."""
        self.segments.begin(name)
        self.segments.append(name, *[codec.encode({**each, "labels": {"host": "h"}}) for each in made])
        if close:
            self.segments.close(name)


class ShipTests(ClickHouseCase):
    """Rows."""

    async def test_everything_once(self) -> None:
        """Facts, texts each once, what each call adds, and whole records; sent twice, it is there once."""
        made = list(Corpus().records(200))
        self.write(FIRST, made[:120])
        self.write(SECOND, made[120:])
        pump = await self.ship()
        self.assertEqual((pump.status.sent, pump.status.refused, pump.status.trouble), (200, 0, ""))
        ask = self.engine.number
        self.assertEqual(ask("SELECT count() FROM llm.exchanges"), 200)
        self.assertEqual(
            ask("SELECT sum(output_tokens) FROM llm.exchanges FINAL"),
            sum(each["usage"]["output_tokens"] for each in made),
        )
        self.assertEqual(ask("SELECT count() = uniqExact(hash) FROM llm.messages"), 1)
        whole = self.engine.ask("SELECT JSONExtractString(record, 'id') FROM llm.bodies ORDER BY 1")
        self.assertEqual([row[0] for row in whole], sorted(each["id"] for each in made))
        word = made[60]["request"]["body"]["messages"][-1]["content"]
        text = word if isinstance(word, str) else str(word[0].get("text") or word[0].get("content"))
        rare = max(text.split(), key=len).lower()
        found = self.engine.ask(
            "SELECT DISTINCT session_id FROM llm.exchange_messages WHERE hash IN "
            f"(SELECT hash FROM llm.messages WHERE hasToken(lower(text), '{rare}'))"
        )
        self.assertIn([made[60]["session_id"]], found)
        ledger = Ledger(self.segments.data_dir)
        self.addCleanup(ledger.close)
        ledger.return_to("t", Position())
        await self.ship()
        self.assertEqual(ask("SELECT count() FROM llm.exchanges FINAL"), 200)

    async def test_killed_between(self) -> None:
        """The server is killed at odd moments and the shipper begins anew: every record is there, once."""
        made = list(Corpus(seed=3).records(300))
        for name, part in ((FIRST, made[:100]), (SECOND, made[100:200]), (THIRD, made[200:])):
            self.write(name, part)
        chance = random.Random(5)
        for _ in range(3):
            pump = self.pump()
            done = ensureDeferred(pump.run(Position(), until="9"))
            await deferLater(reactor, 0.1 + chance.random() / 2)
            self.engine.kill()
            await deferLater(reactor, chance.random() / 4)
            pump.stop()
            await done
            await deferToThread(self.engine.start)
        await self.ship()
        ask = self.engine.number
        self.assertEqual(ask("SELECT count() FROM llm.exchanges"), 300)
        self.assertEqual(ask("SELECT uniqExact(id) FROM llm.exchanges"), 300)
        self.assertEqual(ask("SELECT count() FROM llm.bodies"), 300)

    async def test_odd_rows(self) -> None:
        """Neither a half of a surrogate pair, nor numbers that are none, nor rows older than the TTL take others."""
        plain = codec.decode(codec.encode(record(1)))
        odd = {"messages": [{"role": "user", "content": "x\ud800\0y"}]}
        self.write(
            FIRST,
            [
                {**plain, "id": "a", "seq": 1, "model": "m\ud800", "started_at": "2026-11-30T10:00:00.000Z"},
                {**plain, "id": "b", "seq": 2, "usage": {"input_tokens": -1, "output_tokens": 1 << 70}},
                {**plain, "id": "c", "seq": 3, "started_at": "2001-01-01T00:00:00.000Z"},
                {**plain, "id": "d", "seq": 4, "started_at": "never"},
                {**plain, "id": "e", "seq": 5, "request": {**plain["request"], "body": odd}},
                {**plain, "id": "f", "seq": 6, "usage": None, "duration_ms": 1e300},
            ],
        )  # fmt: skip
        pump = await self.ship(options="ttl_days=3650")
        self.assertEqual((pump.status.sent, pump.status.refused), (4, 2))
        rows = self.engine.ask("SELECT id, input_tokens, output_tokens, duration_ms FROM llm.exchanges ORDER BY id")
        self.assertEqual([row[0] for row in rows], ["a", "b", "e", "f"])
        self.assertEqual(rows[1][1:3], ["\\N", "\\N"])
        self.assertEqual(rows[3][3], "\\N")

    async def test_removed(self) -> None:
        """A session that is removed is found no more, nor are texts that it alone has said; others' stay."""
        said = {"role": "user", "content": "synthetic wordalone"}
        both = {"role": "user", "content": "synthetic wordshared"}
        plain = codec.decode(codec.encode(record(1)))

        def call(number: int, session: str, *messages: Any) -> dict[str, Any]:
            request = {**plain["request"], "body": {"messages": list(messages)}}
            return {**plain, "id": f"i{number}", "seq": number, "session_id": session, "request": request}

        self.write(FIRST, [call(1, "goes", both, said), call(2, "stays", both)])
        pump = await self.ship()
        state = State(self.segments.data_dir)
        self.addCleanup(state.close)
        state.forget("goes")
        pump = await self.ship()
        self.assertEqual((pump.status.trouble, state.deletions()), ("", []))
        for table in ("exchanges", "exchange_messages", "bodies"):
            self.assertEqual(self.engine.number(f"SELECT count() FROM llm.{table} WHERE session_id = 'goes'"), 0)
            self.assertEqual(self.engine.number(f"SELECT count() FROM llm.{table} WHERE session_id = 'stays'"), 1)
        for word, count in (("wordalone", 0), ("wordshared", 1)):
            sql = f"SELECT count() FROM llm.messages WHERE hasToken(lower(text), '{word}')"
            self.assertEqual(self.engine.number(sql), count, word)

    async def test_documented(self) -> None:
        """The engine reads segments and Parquet files as they are, by the queries of the documentation."""
        self.write(FIRST, list(Corpus().records(30)))
        lake = Path(self.mktemp()).absolute()
        address = ship_address(f"file://{lake}")
        target = ObjectTarget(TargetContext(None, address, Credentials(), "h", str(self.segments.data_dir)))
        batch = RecordSource(self.segments.data_dir, "h").next(Shipment("t"), BatchLimits(), True, whole=True)
        assert isinstance(batch, SegmentBatch)
        target._send(batch)
        models, records = [self.engine.ask(each) for each in queries("clickhouse", lake)]
        self.assertEqual((sum(int(row[1]) for row in models), records), (30, [["30"]]))

    async def test_without_content(self) -> None:
        """Only facts are there, and no table for more; a column that is missing is added."""
        self.write(FIRST, list(Corpus().records(5)))
        await self.ship(content=False)
        tables = self.engine.ask("SELECT name FROM system.tables WHERE database = 'llm'")
        self.assertEqual(tables, [["exchanges"]])
        self.assertEqual(self.engine.number("SELECT count() FROM llm.exchanges WHERE preview IS NULL"), 5)
        self.engine.ask("ALTER TABLE llm.exchanges DROP COLUMN purpose")
        self.engine.ask("ALTER TABLE llm.exchanges RESET SETTING min_age_to_force_merge_seconds")
        self.write(SECOND, list(Corpus(seed=9).records(5)))
        await self.ship(content=False)
        self.assertEqual(self.engine.number("SELECT count(purpose) >= 0 FROM llm.exchanges"), 1)
        made = self.engine.ask("SELECT create_table_query FROM system.tables WHERE database = 'llm'")[0][0]
        self.assertIn("min_age_to_force_merge_seconds = 3600", made)
