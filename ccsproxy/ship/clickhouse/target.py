"""A target that is a ClickHouse server or cluster, over its HTTP interface."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ccsproxy.providers.price_book import PriceBook
from ccsproxy.ship.clickhouse.rows import RowMaker, Rows
from ccsproxy.ship.clickhouse.schema import (
    OLDEST,
    TTL_DAYS,
    Table,
    database,
    literal,
    missing_columns,
    on_cluster,
    own_table,
    quoted,
    schema,
    tables,
    upkeep,
)
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch
from ccsproxy.ship.delivery.hosts import ShippedHosts
from ccsproxy.ship.http import TargetClient
from ccsproxy.ship.packing import zstd_packed
from ccsproxy.ship.reply import Reply, judge
from ccsproxy.ship.target import BatchReceipt, Rejected, TargetContext, Unavailable

#: Error codes for data that the server cannot parse or store, and never will.
_OF_DATA = frozenset({6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 407, 441, 469})
#: Error codes for a missing table or column: the schema is checked before the next try.
_OF_SCHEMA = frozenset({16, 47, 60, 81})
_EXCEPTION = re.compile(rb"Code: (\d{1,6})\. DB::(?:\w+)?Exception")
#: The server batches the inserts of many machines, and answers when it has written them.
_INSERT = {
    "async_insert": "1",
    "wait_for_async_insert": "1",
    "async_insert_deduplicate": "1",
    "insert_deduplicate": "1",
    "input_format_skip_unknown_fields": "1",
    "date_time_input_format": "best_effort",
}
#: On a cluster rows are confirmed when the shards have them, not when the contacted server has queued them.
_ON_SHARDS = {"distributed_foreground_insert": "1"}
#: The order in which tables are filled: when a call is found, everything that belongs to it is there.
_FILLED = ("messages", "exchange_messages", "bodies", "exchanges")


class ClickHouseTarget:
    """Inserts rows into ClickHouse (see `ccsproxy.ship.target.Target`).

    States: not open (the tables have to be checked first), open.
    """

    whole_segments = False
    limits = BatchLimits(rows=2000, size=8 << 20, linger=2.0)
    _log = Logger()

    def __init__(self, around: TargetContext) -> None:
        address = self._address = around.address
        self._client = TargetClient(around.reactor, address)
        self._url = f"{address.scheme}://{address.authority}/"
        self._headers = {"X-ClickHouse-User": address.user} if address.user else {}
        if around.credentials.password:
            self._headers["X-ClickHouse-Key"] = around.credentials.password
        self._headers.update(around.credentials.headers)
        self._content = around.content
        self._hosts = ShippedHosts(Path(around.data_dir), around.host)
        self._tables: list[Table] = tables(address, around.content)
        price = PriceBook.of_data_dir(Path(around.data_dir)).cost
        self._maker = RowMaker(around.host, self._tables, price, int(address.options.get("ttl_days", TTL_DAYS)))
        self._is_open = False

    async def open(self) -> None:
        """Create the tables, or upgrade them."""
        if self._is_open:
            return
        text = (await self._ask("SELECT version()")).body.decode("ascii", "replace").strip()
        version = _version(text)
        if version < OLDEST:
            raise Unavailable(
                f"{self._address.authority} is ClickHouse {text[:20]}; version 24.3 or newer is required"
            )
        known = await self._columns()
        if any(table.name not in known for table in self._tables):
            for statement in schema(self._address, self._content, version):
                await self._ask(statement)
        for table in self._tables:
            if table.name in known:
                for statement in missing_columns(self._address, table, known[table.name]):
                    await self._ask(statement)
                await self._keep_up(table)
        self._is_open = True

    async def _keep_up(self, table: Table) -> None:
        """Update a table's settings; if the user may not, everything works, but queries are slower."""
        try:
            await self._ask(upkeep(self._address, table))
        except (Rejected, Unavailable) as error:
            self._log.info("{table} keeps its settings: {error}", table=table.name, error=error)

    async def send(self, batch: Batch) -> BatchReceipt:
        """Insert the rows of a batch."""
        assert isinstance(batch, LineBatch)  # noqa: S101  (whole_segments says so)
        await self.open()
        rows: Rows = await deferToThread(self._maker.rows, batch)
        await deferToThread(self._hosts.note, rows.hosts)
        for table in _FILLED:
            if rows.lines.get(table):
                await self._insert(table, rows, batch.token)
        self._maker.sent_texts.commit()
        for session, seq, reason in rows.refused:
            self._log.warn("{session}/{seq} was not shipped: {reason}", session=session, seq=seq, reason=reason)
        return BatchReceipt(len(rows.refused))

    async def delete(self, session_id: str) -> None:
        """Delete a session of this data directory, and the texts that occur nowhere else."""
        await self.open()
        hosts = ", ".join(map(literal, await deferToThread(self._hosts.every)))
        own = f"session_id = {literal(session_id)} AND host IN ({hosts})"
        names = [table.name for table in self._tables]
        self._maker.sent_texts.forget()
        if "messages" in names:
            text = f"{database(self._address)}.exchange_messages"
            await self._ask(
                f"DELETE FROM {own_table(self._address, 'messages')}{on_cluster(self._address)} WHERE "  # noqa: S608
                f"hash IN (SELECT hash FROM {text} WHERE {own}) AND "
                f"hash NOT IN (SELECT hash FROM {text} WHERE NOT ({own}))",
                {"allow_nondeterministic_mutations": "1"},
            )
        for name in names:
            if name != "messages":
                table = f"{own_table(self._address, name)}{on_cluster(self._address)}"
                await self._ask(f"DELETE FROM {table} WHERE {own}")  # noqa: S608

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.close()

    async def _insert(self, table: str, rows: Rows, token: str) -> None:
        body = await deferToThread(lambda: zstd_packed(rows.body(table)))
        settings = {**_INSERT, "insert_deduplication_token": f"{token}/{table}"}
        if self._address.options.get("cluster"):
            settings |= _ON_SHARDS
        statement = f"INSERT INTO {database(self._address)}.{quoted(table)} FORMAT JSONEachRow"
        await self._ask(statement, settings, body)

    async def _columns(self) -> dict[str, list[str]]:
        """Return the columns of the existing tables."""
        name = literal(self._address.path.strip("/") or "ccsproxy")
        sql = f"SELECT table, name FROM system.columns WHERE database = {name} FORMAT TSV"  # noqa: S608
        known: dict[str, list[str]] = {}
        for line in (await self._ask(sql)).body.decode("utf-8", "replace").splitlines():
            table, _, column = line.partition("\t")
            known.setdefault(table.removesuffix("_part"), []).append(column)
        return known

    async def _ask(self, statement: str, settings: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Execute a statement.

        :raises Rejected: if the server reports that the data is unacceptable.
        :raises Unavailable: if it fails for another reason.
        """
        headers = dict(self._headers)
        if body:
            headers["Content-Encoding"] = "zstd"
        query = urlencode({"query": statement, **(settings or {})}) if body else urlencode(settings or {})
        reply = await self._client.post(f"{self._url}?{query}", body or statement.encode(), headers)
        self._judge(reply)
        return reply

    def _judge(self, reply: Reply) -> None:
        where, code = self._address.authority, exception_code(reply)
        if 200 <= reply.status < 300 and not code:
            judge(reply, where)
            return
        if code in _OF_DATA:
            raise Rejected(f"{where} cannot read it (code {code})")
        if code in _OF_SCHEMA:
            self._is_open = False
        hint = "; see --ship-credentials" if reply.status in (401, 403) or code in (193, 194, 516) else ""
        raise Unavailable(f"{where} answered {reply.status}, code {code}{hint}", reply.retry_after)


def exception_code(reply: Reply) -> int:
    """Return the code of the server's exception, 0 for none; one that occurs after the head is only in the body."""
    text = reply.headers.get("x-clickhouse-exception-code", "")
    if text.isascii() and text.isdigit():
        return int(text)
    found = _EXCEPTION.search(reply.body)
    return int(found[1]) if found else 0


def _version(text: str) -> tuple[int, int]:
    parts = [int(each) for each in text.split(".")[:2] if each.isdigit()]
    return (parts[0], parts[1]) if len(parts) == 2 else (0, 0)
