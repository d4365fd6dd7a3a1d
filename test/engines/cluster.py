"""Two shards of two replicas with ZooKeeper: four of Debian's ClickHouse servers of 2018, on loopback."""

import gzip
import shutil
import socket
from pathlib import Path
from urllib.parse import urlencode

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.http import TargetClient
from test.engines.engine import EngineTestCase, engine, free_port
from test.integration.program import Program

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


#: What Debian's ZooKeeper is started with.
JARS = (
    "zookeeper", "slf4j-api", "slf4j-simple", "netty", "metrics-core", "snappy-java", "commons-cli", "commons-io",
)  # fmt: skip


class ClusterTestCase(EngineTestCase):
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
        client = TargetClient(reactor, ship_address(f"clickhouse+{where}/llm"))
        headers = {"Content-Encoding": "gzip"} if body else {}
        try:
            reply = await client.post(f"{where}/?{query}", gzip.compress(body) if body else sql.encode(), headers)
        finally:
            await client.close()
        self.assertEqual(reply.status, 200, reply.body[:500])
        return reply.body.decode().strip()


def _is_ok(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as one:
            one.sendall(b"srvr")
            return b"Mode:" in one.makefile("rb").read()  # before it serves sessions it has none
    except OSError:
        return False
