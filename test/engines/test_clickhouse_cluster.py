"""Two shards of two replicas with ZooKeeper, on Debian's ClickHouse of 2018: what of a cluster's statements it knows.

It cannot hold our tables as they are (no maps, no nullable low cardinality, no codecs, no TTL), so a table of plain
columns goes through what makes the statements of ours, and then our own tables with the types that it has. Proven:
``ON CLUSTER``, the paths of replicas, spreading by session, a repeated block that is dropped on both replicas without
a token, inserts while a replica is dead, its catching up, and of our tables what `OwnTableTests` says.
"""

import json
from typing import Any

from twisted.internet import reactor

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.clickhouse import schema
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.target import TargetContext, Unavailable
from test.engines.cluster import ClusterTestCase

COLUMNS = {"started_at": "DateTime", "host": "String", "session_id": "String", "id": "String", "version": "UInt32"}
PLAIN = schema.Table("exchanges", COLUMNS, "toStartOfHour(started_at), host, id", "started_at", "version")


class ClusterTests(ClusterTestCase):
    """Four servers."""

    async def test_shards_and_replicas(self) -> None:
        """Rows are spread by session, are on both replicas, once, also when one is killed between."""
        await self.cluster()
        address = ship_address("clickhouse+http://127.0.0.1:9/llm?cluster=team&ttl_days=0")
        await self.ask(f"CREATE DATABASE IF NOT EXISTS {schema.database(address)}{schema.on_cluster(address)}")
        # Without its last clause: the table's settings are of later years.
        await self.ask(schema._create(address, PLAIN, (18, 16)).partition("\nSETTINGS")[0])
        await self.ask(schema._distributed(address, PLAIN))
        await self.insert(0, 400)
        await self.insert(0, 400)
        self.assertGreater(min(await self.parts(400)), 0)
        self.assertEqual(await self.count("exchanges"), 400)
        both = await self.ask("SELECT uniqExact(session_id) FROM llm.exchanges")
        here, there = [int(await self.ask("SELECT uniqExact(session_id) FROM llm.exchanges_part", n)) for n in (0, 2)]
        self.assertEqual(here + there, int(both))
        self.programs[1].signal(9)
        await self.programs[1].ended()
        await self.insert(400, 200)
        self.programs[1] = await self.up(1)
        await self.parts(600)
        await self.insert(400, 200)
        self.assertEqual(await self.count("exchanges"), 600)

    async def test_too_old(self) -> None:
        """What this server is told of itself: our tables need a newer one, in one sentence; nothing is given up."""
        await self.cluster()
        url = f"clickhouse+http://127.0.0.1:{self.ports[0]['http']}/llm"
        around = TargetContext(reactor, ship_address(url), Credentials(), "h", str(self.folder()))
        target = ClickHouseTarget(around)
        try:
            await target.open()
        except Unavailable as error:
            self.assertIn("version 24.3 or newer is required", str(error))
        else:
            raise AssertionError("it was taken for a new one")
        finally:
            await target.close()

    async def parts(self, rows: int) -> list[int]:
        """Wait until both replicas of each shard have its rows, and return how many each server has."""
        found: list[int] = []
        for _ in range(300):
            found = [int(await self.ask("SELECT count() FROM llm.exchanges_part", number)) for number in range(4)]
            if (found[0], found[2]) == (found[1], found[3]) and found[0] + found[2] == rows:
                return found
            await self.pause(0.2)
        raise AssertionError(f"the servers have {found} rows")

    async def insert(self, first: int, count: int) -> None:
        """Insert rows through the table over all shards, as one block."""
        rows = b"\n".join(json.dumps(row(number)).encode() for number in range(first, first + count))
        sql = f"INSERT INTO llm.{PLAIN.name} FORMAT JSONEachRow"
        await self.ask(sql, body=rows, insert_distributed_sync="1")

    async def count(self, table: str) -> int:
        return int(await self.ask(f"SELECT count() FROM llm.{table}"))


def row(number: int) -> dict[str, Any]:
    """Return a row of one of 40 sessions."""
    session = f"session-{number % 40}"
    return {
        "started_at": "2026-11-30 10:00:00", "host": "h", "session_id": session, "id": f"i{number}", "version": 1,
    }  # fmt: skip
