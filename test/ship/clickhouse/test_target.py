"""The ClickHouse target: what it asks a server for, and what answers mean; against a server that only listens."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import zstandard
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.clickhouse import target as module
from ccsproxy.ship.clickhouse.schema import TABLES
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import LineBatch, ShippedLine
from ccsproxy.ship.delivery.hosts import ShippedHosts
from ccsproxy.ship.reply import Reply
from ccsproxy.ship.target import Rejected, TargetContext, Unavailable
from test.store.records import record


class Server:
    """Writes down what it is asked.

    :ivar asked: statement, settings and body of each request.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.replies: list[Reply] = []
        self.version = b"26.9.2.1"

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        settings = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        packed = headers.get("Content-Encoding") == "zstd"
        text = zstandard.ZstdDecompressor().decompress(body) if packed else b""
        self.asked.append((settings.pop("query", "") or body.decode(), settings, text))
        if self.replies and packed:
            return self.replies.pop(0)
        return Reply(200, {}, self.version if "version()" in self.asked[-1][0] else b"")

    def statements(self, word: str) -> list[str]:
        """Return the statements that begin with a word."""
        return [statement for statement, _, _ in self.asked if statement.startswith(word)]


class TargetTests(SynchronousTestCase):
    """One target."""

    def make(self, options: str = "ttl_days=0") -> ClickHouseTarget:
        self.patch(module, "deferToThread", lambda work, *arguments: succeed(work(*arguments)))
        self.server = Server()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        address = ship_address(f"clickhouse+https://u@h/llm?{options}")
        made = ClickHouseTarget(TargetContext(reactor, address, Credentials("pw"), "box", str(self.folder)))
        made._client = self.server  # type: ignore[assignment]
        return made

    def do(self, work: Any) -> Any:
        return self.successResultOf(ensureDeferred(work))

    def batch(self) -> LineBatch:
        made = msgspec.structs.replace(record(1), labels={"host": "other's"})
        return LineBatch("box", "seg", 0, 10, [ShippedLine(0, codec.encode(made))])

    def test_rows_before_facts(self) -> None:
        """Whoever finds a call finds all that belongs to it; each table's insert has a token of its own."""
        self.do(self.make().send(self.batch()))
        inserts = [(settings, text) for statement, settings, text in self.server.asked if "INSERT" in statement]
        self.assertEqual(
            [settings["insert_deduplication_token"] for settings, _ in inserts],
            ["box/seg/0-10/bodies", "box/seg/0-10/exchanges"],
        )
        self.assertEqual(msgspec.json.decode(inserts[-1][1])["id"], "id1")
        self.assertNotIn("distributed_foreground_insert", inserts[0][0])

    def test_on_a_cluster(self) -> None:
        """Every server makes the tables, and rows count when the shards have them."""
        self.do(self.make("ttl_days=0&cluster=team").send(self.batch()))
        created = self.server.statements("CREATE")
        self.assertTrue(all("ON CLUSTER `team`" in each for each in created))
        self.assertEqual(len(created), 1 + 2 * len(TABLES))
        settings = [settings for statement, settings, _ in self.server.asked if "INSERT" in statement]
        self.assertEqual({each["distributed_foreground_insert"] for each in settings}, {"1"})

    def test_removed_under_every_label(self) -> None:
        """A removal names all labels under which rows went from here, each written as a text and no more."""
        target = self.make()
        ShippedHosts(self.folder, "earlier").note()
        self.do(target.send(self.batch()))
        self.do(target.delete("s'1"))
        deleted = self.server.statements("DELETE")
        self.assertEqual(len(deleted), len(TABLES))
        for each in deleted:
            self.assertIn("session_id = 's\\'1' AND host IN ('box', 'earlier', 'other\\'s')", each)

    def test_answers(self) -> None:
        """Faults of data are refused for good, all others are tried again; one after the head is no success."""
        for reply, kind in (
            (Reply(400, {"x-clickhouse-exception-code": "27"}), Rejected),
            (Reply(500, {"x-clickhouse-exception-code": "241"}), Unavailable),
            (Reply(404, {"x-clickhouse-exception-code": "60"}), Unavailable),
            (Reply(403, {"x-clickhouse-exception-code": "516"}), Unavailable),
            (Reply(200, {}, b"Code: 252. DB::Exception: Too many parts"), Unavailable),
            (Reply(200, {}, b"<html>log in"), Unavailable),
            (Reply(502, {}), Unavailable),
        ):
            target = self.make()
            self.server.replies = [reply]
            self.failureResultOf(ensureDeferred(target.send(self.batch())), kind)

    def test_too_old(self) -> None:
        """It says which version there is and which there has to be; what is no ClickHouse at all likewise."""
        for version in (b"18.16.1", b"24.2.9", b"PostgreSQL", b""):
            target = self.make()
            self.server.version = version
            failure = self.failureResultOf(ensureDeferred(target.open()), Unavailable)
            self.assertIn("24.3 or newer", str(failure.value))
        target = self.make()
        self.server.version = b"24.3.1.1"
        self.do(target.open())
        self.assertIn("tokenbf_v1", "".join(self.server.statements("CREATE")))
