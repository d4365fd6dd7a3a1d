"""Two shards of two replicas with ZooKeeper, on Debian's ClickHouse of 2018: what of a cluster's statements it knows.

It cannot hold our tables (no maps, no nullable low cardinality, no codecs, no TTL), so a table of plain columns goes
through what makes the statements of ours. Proven: ``ON CLUSTER``, the paths of replicas, spreading by session, a
repeated block that is dropped on both replicas without a token, inserts while a replica is dead, and its catching up.
"""

import gzip
import json
import shutil
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.clickhouse import schema
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.http import HttpDoor
from ccsproxy.ship.target import TargetContext, Unavailable
from test.engines.engine import EngineTestCase, engine, free_port
from test.integration.program import Program

COLUMNS = {"started_at": "DateTime", "host": "String", "session_id": "String", "id": "String", "version": "UInt32"}
PLAIN = schema.Table("exchanges", COLUMNS, "toStartOfHour(started_at), host, id", "started_at", "version")
ZOO = """
tickTime=2000
dataDir={folder}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=srvr
"""
CONFIG = """<yandex>
  <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/err</errorlog></logger>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><listen_host>127.0.0.1</listen_host>
  <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><interserver_http_port>{inter}</interserver_http_port>
  <interserver_http_host>127.0.0.1</interserver_http_host><mark_cache_size>5368709120</mark_cache_size>
  <users_config>/etc/clickhouse-server/users.xml</users_config><default_profile>default</default_profile>
  <default_database>default</default_database><max_concurrent_queries>50</max_concurrent_queries>
  <zookeeper><node><host>127.0.0.1</host><port>{zoo}</port></node></zookeeper>
  <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
  <macros><shard>{shard}</shard><replica>{replica}</replica></macros>
  <remote_servers><team>{shards}</team></remote_servers>
</yandex>"""
NODE = "<replica><host>127.0.0.1</host><port>{port}</port></replica>"


class ClusterTests(EngineTestCase):
    """Four servers."""

    timeout = 280

    async def cluster(self) -> None:
        """Start ZooKeeper and the servers."""
        program = engine("clickhouse-server")
        self.zoo = free_port()
        await self.zookeeper()
        self.ports = [{"http": free_port(), "tcp": free_port(), "inter": free_port()} for _ in range(4)]
        pairs = ("".join(NODE.format(port=each["tcp"]) for each in self.ports[n : n + 2]) for n in (0, 2))
        shards = "".join(f"<shard><internal_replication>true</internal_replication>{each}</shard>" for each in pairs)
        self.commands, self.programs = list[list[str]](), list[Program]()
        for number, ports in enumerate(self.ports):
            folder = self.folder()
            text = CONFIG.format(
                folder=folder, zoo=self.zoo, shard=number // 2, replica=number % 2, shards=shards, **ports
            )
            (folder / "config.xml").write_text(text)
            self.commands.append([program, f"--config-file={folder / 'config.xml'}"])
            self.programs.append(await self.up(number))

    async def up(self, number: int) -> Program:
        """Start one server, or start it again."""
        return await self.serving(self.commands[number], f"http://127.0.0.1:{self.ports[number]['http']}/ping")

    async def zookeeper(self) -> None:
        """Start the one that keeps the order of the replicas."""
        jars = [str(each) for name in JARS for each in Path("/usr/share/java").glob(f"{name}*.jar")]
        if not any("/zookeeper" in each for each in jars) or shutil.which("java") is None:
            raise SkipTest("there is no zookeeper; make test-engines says how to get it")
        folder = self.folder()
        (folder / "zoo.cfg").write_text(ZOO.format(folder=folder, port=self.zoo))
        path = ":".join(["/etc/zookeeper/conf", *jars])
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        self.spawn([str(shutil.which("java")), "-Xmx128m", "-cp", path, main, str(folder / "zoo.cfg")])
        for _ in range(300):
            if await deferToThread(_is_ok, self.zoo):
                return
            await self.pause(0.1)
        raise AssertionError("zookeeper does not answer")

    async def ask(self, sql: str, number: int = 0, body: bytes = b"", **settings: str) -> str:
        """Have a server do something."""
        query = urlencode({**({"query": sql} if body else {}), **settings})
        where = f"http://127.0.0.1:{self.ports[number]['http']}"
        door = HttpDoor(reactor, ship_address(f"clickhouse+{where}/llm"))
        headers = {"Content-Encoding": "gzip"} if body else {}
        try:
            reply = await door.post(f"{where}/?{query}", gzip.compress(body) if body else sql.encode(), headers)
        finally:
            await door.close()
        self.assertEqual(reply.status, 200, reply.body[:500])
        return reply.body.decode().strip()

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


#: What Debian's ZooKeeper is started with.
JARS = (
    "zookeeper", "slf4j-api", "slf4j-simple", "netty", "metrics-core", "snappy-java", "commons-cli", "commons-io",
)  # fmt: skip


def row(number: int) -> dict[str, Any]:
    """Return a row of one of 40 sessions."""
    session = f"session-{number % 40}"
    return {
        "started_at": "2026-11-30 10:00:00", "host": "h", "session_id": session, "id": f"i{number}", "version": 1,
    }  # fmt: skip


def _is_ok(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as one:
            one.sendall(b"srvr")
            return b"Mode:" in one.makefile("rb").read()  # before it serves sessions it has none
    except OSError:
        return False
