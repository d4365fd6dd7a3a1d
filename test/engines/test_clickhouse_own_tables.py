"""Our own tables on a cluster, as far as it goes without a current server of several nodes.

On Debian's ClickHouse of 2018, two shards of two replicas: the statements that ``ccsproxy ship --schema`` prints with
a cluster's name, with older types for those that it does not know (`aged` says which), and the rows of real records.
On chdb (ClickHouse 26.9) with a real ZooKeeper: the statements as they are, but for ``ON CLUSTER``.

Not proven by either: ``ON CLUSTER``, replication and deduplication by tokens with a current server.
"""

import io
import json
import re
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import Any
from unittest import skipUnless

from ccsproxy.config.shipping import ship_address
from ccsproxy.providers.price_book import list_price
from ccsproxy.ship.clickhouse.rows import RowMaker
from ccsproxy.ship.clickhouse.schema import tables
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.store.state.shipments import Position, Shipment
from ccsproxy.tools.main import main
from test.engines.cluster import ClusterTestCase
from test.engines.engine import free_port
from test.ship.reader_contract import fill
from test.ship.segments import Segments

URL = "clickhouse+http://127.0.0.1:9/llm?cluster=team&ttl_days=0"
#: Types of later years, and what a server of 2018 has instead.
OLDER = (
    (r"LowCardinality\(((?:[^()]|\([^()]*\))*)\)", r"\1"), (r"Map\(String, String\)", "String"),
    (r"DateTime64\(3, 'UTC'\)", "DateTime('UTC')"), (r" CODEC\(ZSTD\(3\)\)", ""), (r"` Bool", "` UInt8"),
    (r",\n +INDEX [^\n]*?(?=,?\n)", ""), (r"\n(TTL|SETTINGS) [^\n]*", ""), (r", version, is_deleted\)", ", version)"),
)  # fmt: skip
#: In a process of its own, as it holds the engine: makes the tables, and prints their names and engines.
CURRENT = """
import chdb, json, os, sys
engine = chdb.connect(f"{sys.argv[1]}/db?config-file={sys.argv[1]}/config.xml")
for statement in json.load(open(f"{sys.argv[1]}/statements.json")):
    engine.query(statement)
print(engine.query("SELECT name, engine FROM system.tables WHERE database = 'llm' ORDER BY name", "TSV"), flush=True)
os._exit(0)  # replicas that nobody answers are waited for at a regular end
"""
CONFIG = """<clickhouse>
  <tcp_port>{tcp}</tcp_port><zookeeper><node><host>127.0.0.1</host><port>{zoo}</port></node></zookeeper>
  <macros><shard>0</shard><replica>0</replica></macros>
  <remote_servers><team><shard><internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard></team></remote_servers>
</clickhouse>"""


def printed() -> list[str]:
    """Return the statements that the command prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["ship", "--schema", URL]) == 0
    return [each.strip() for each in out.getvalue().split(";\n") if each.strip()]


def aged(statement: str) -> str:
    """Return a statement with older types."""
    for pattern, older in OLDER:
        statement = re.sub(pattern, older, statement)
    return statement


def aged_row(line: bytes) -> bytes:
    """Return a row for older types: maps as text, truth as numbers, moments in seconds."""
    row = {name: _aged_value(name, value) for name, value in json.loads(line).items() if value is not None}
    return json.dumps(row).encode()


def _aged_value(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value) if isinstance(value, dict) else value[:19] if name.endswith("ed_at") else value


class OwnTableTests(ClusterTestCase):
    """Our tables."""

    def rows(self, count: int) -> dict[str, list[bytes]]:
        """Make the rows of records, by table."""
        segments, address, place = Segments(self.folder()), ship_address(URL), Position()
        self.made = fill(segments, count)
        source, maker = RecordSource(segments.data_dir, "h"), RowMaker("h", tables(address), list_price, 0)
        found: dict[str, list[bytes]] = {}
        while batch := source.next(Shipment("t", place), BatchLimits(), True, whole=False):
            made = maker.rows(batch)  # type: ignore[arg-type]
            self.assertEqual(made.refused, [])
            for name, lines in made.lines.items():
                found.setdefault(name, []).extend(map(aged_row, lines))
            place = batch.after
        return found

    async def test_four_servers(self) -> None:
        """Rows inserted at one server are read at another by Distributed; repeats are gone, by block and by row."""
        await self.cluster()
        for statement in map(aged, printed()):
            await self.ask(statement)
        rows = self.rows(240)
        self.assertEqual(sorted(rows), ["bodies", "exchange_messages", "exchanges", "messages"])
        for name, lines in rows.items():
            await self.insert(name, lines, 0)
            await self.insert(name, lines, 3)  # the same block at a server of the other shard
            await self.insert(name, lines[: len(lines) // 2], 1)  # the same rows as another block
        for name, lines in rows.items():
            # This one's FINAL goes across days, of which each has a text of its own once.
            count = len({json.loads(line)["hash"] for line in lines}) if name == "messages" else len(lines)
            for number in range(4):
                self.assertEqual(await self.settled(name, number, count), count, (name, number))
        asked = "SELECT uniqExact(id), uniqExact(session_id), sum(output_tokens) FROM llm.exchanges FINAL"
        tokens = sum((each.get("usage") or {}).get("output_tokens") or 0 for each in self.made)
        expected = f"{len(self.made)}\t{len({each['session_id'] for each in self.made})}\t{tokens}"
        self.assertEqual([await self.ask(asked, number) for number in range(4)], [expected] * 4)
        # Whoever is on one shard with all of their session is on no other.
        for name in ("exchanges", "exchange_messages", "bodies"):
            here, there = [
                set((await self.ask(f"SELECT DISTINCT session_id FROM llm.{name}_part", n)).split()) for n in (0, 2)
            ]
            self.assertEqual(here & there, set())
            self.assertTrue(here and there)

    async def insert(self, name: str, lines: list[bytes], number: int) -> None:
        """Insert rows at a server, as one block."""
        sql = f"INSERT INTO llm.{name} FORMAT JSONEachRow"
        await self.ask(
            sql, number, b"\n".join(lines), insert_distributed_sync="1", input_format_skip_unknown_fields="1"
        )

    async def settled(self, name: str, number: int, count: int) -> int:
        """Count a table's rows at a server, when its replicas have caught up."""
        found = -1
        for _ in range(100):
            found = int(await self.ask(f"SELECT count() FROM llm.{name} FINAL", number))
            if found == count:
                break
            await self.pause(0.1)
        return found

    @skipUnless(find_spec("chdb"), "chdb is tried by make test-engines")
    async def test_current_engine(self) -> None:
        """Each statement as it is printed, but for ``ON CLUSTER``, with replicas that a real ZooKeeper knows."""
        self.zoo = free_port()
        await self.zookeeper()
        folder, statements = self.folder(), [each.replace(" ON CLUSTER `team`", "") for each in printed()]
        (folder / "config.xml").write_text(CONFIG.format(zoo=self.zoo, tcp=free_port()))
        (folder / "statements.json").write_text(json.dumps(statements))
        program = self.spawn([sys.executable, "-c", CURRENT, str(folder)])
        await program.ended()
        self.assertEqual(program.status, 0, program.said)
        found = dict(line.split("\t") for line in program.said.splitlines() if "\t" in line)
        parts = {f"{table.name}_part": "ReplicatedReplacingMergeTree" for table in tables(ship_address(URL))}
        self.assertEqual(found, {**parts, **{name.removesuffix("_part"): "Distributed" for name in parts}})
