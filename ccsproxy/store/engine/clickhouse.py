"""ClickHouse as an engine, over its HTTP interface; blocking, for the reading threads."""

import http.client
import math
import re
import ssl
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.store.engine.answer_cache import AnswerCache
from ccsproxy.store.engine.engine import EngineError, bounds, phrase
from ccsproxy.store.engine.time_limit import TIME_LIMIT, WITHIN
from ccsproxy.store.summary import KEY_BITS

#: How many seconds a result is cached.
HELD_S = 5.0
_TOKEN = re.compile(r"\A[A-Za-z0-9]+\Z")
_SETTINGS = {
    "output_format_json_quote_64bit_integers": "0",
    # A call has one start, so its rows are in one partition, and an index entry for one of them covers all.
    "do_not_merge_across_partitions_select_final": "1",
    "use_skip_indexes_if_final": "1",
}


#: Probable causes, by ClickHouse's error code.
_HINTS = {
    **dict.fromkeys(
        ("47", "60", "81"),
        ": its tables are missing or outdated; a shipper of this version creates or upgrades them",
    ),
    **dict.fromkeys(("193", "194", "497", "516"), ": it does not let this user read; see --ship-credentials"),
    "164": ": its user may not change the settings that queries need; set readonly = 2 for it",
    **dict.fromkeys(("159", "160", "241"), ": the query is too large for it; choose a shorter time range"),
}


def _trouble(error: Exception, within: float) -> str:
    """Say what became of a query, for people."""
    if isinstance(error, TimeoutError):
        return f"did not answer within {within:.3g} seconds; choose a shorter time range, or look at its load"
    if isinstance(error, http.client.IncompleteRead):
        return "stopped in the middle of its answer"
    if isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError)):
        return "closed the connection without an answer"
    return f"does not answer: {error}"


class _Found(msgspec.Struct):
    """The part of ClickHouse's JSONCompact that is parsed."""

    data: list[tuple[Any, ...]]


class ClickHouseEngine:
    """The tables filled by a shipping target (see `ccsproxy.ship.clickhouse.schema`).

    :param address: of the target.
    :param headers: the credentials: user and password.
    """

    def __init__(self, address: ShipAddress, headers: Mapping[str, str]) -> None:
        self._address, self._headers = address, dict(headers)
        # One connection per reading thread: http.client handles one request at a time.
        self._local = threading.local()
        self._cache = AnswerCache(HELD_S)
        name = (address.path.strip("/") or "ccsproxy").replace("\\", "\\\\").replace("`", "\\`")
        self._bodies = f"`{name}`.bodies"
        self.exchanges = f"(SELECT * FROM `{name}`.exchanges FINAL)"  # noqa: S608
        self.repeated = f"(SELECT * FROM `{name}`.exchanges WHERE is_deleted = 0)"  # noqa: S608
        self._calls, self._said, self._texts = (
            f"`{name}`.{table}" for table in ("exchanges", "exchange_messages", "messages")
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement; recent results are cached."""
        return self._cache.get(sql, self._found)

    def _found(self, sql: str) -> list[tuple[Any, ...]]:
        body = self._ask(f"{sql} FORMAT JSONCompact")
        try:
            return msgspec.json.decode(body, type=_Found).data
        except (msgspec.MsgspecError, UnicodeError):
            raise EngineError(f"{self._address.authority} does not answer like a ClickHouse server") from None

    def records(self, rows: Sequence[tuple[str, str, str, str, int, int]]) -> dict[str, bytes]:
        """Return the JSON of records."""
        if not rows:
            return {}
        # Rows are stored by hour: with the ids alone every part of the table would be searched.
        hours = ", ".join(sorted({f"toDateTime('{row[2][:10]} {row[2][11:13]}:00:00', 'UTC')" for row in rows}))
        ids = ", ".join(self.literal(row[0]) for row in rows)
        sql = (
            f"SELECT id, record FROM {self._bodies} "  # noqa: S608  (literals are quoted)
            f"WHERE toStartOfHour(started_at) IN ({hours}) AND id IN ({ids}) LIMIT 1 BY host, id"
        )
        return {row[0]: row[1].encode() for row in self.rows(sql)}

    def literal(self, text: str) -> str:
        """Format a text as a literal."""
        # The backslash first, or it would escape the quote's own backslash.
        escaped = text.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"

    def any_of(self, column: str, values: Sequence[str]) -> str:
        """Return the condition that a column of lists has one of some values."""
        return f"hasAny({column}, [{', '.join(map(self.literal, values))}])"

    def any_in(self, column: str) -> str:
        """Return the condition that a column of lists has any value."""
        return f"notEmpty({column})"

    def any_contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in one of a column of lists."""
        return f"arrayExists(each -> positionCaseInsensitiveUTF8(each, {self.literal(text)}) > 0, {column})"

    def contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in a column."""
        return f"positionCaseInsensitiveUTF8(ifNull(toString({column}), ''), {self.literal(text)}) > 0"

    def phrase_condition(self, words: Sequence[str], open_ended: bool) -> str:
        """Return the condition that words are consecutive; complete words of letters and digits are found by the
        index.
        """
        whole = words[:-1] if open_ended else words
        found = [f"hasToken(lower(text), {self.literal(w.lower())})" for w in whole if _TOKEN.match(w)]
        if len(words) > 1 or open_ended or not found:
            found.append(f"match(lowerUTF8(text), {self.literal(phrase(words, open_ended))})")
        return " AND ".join(found)

    def first_containing(self, condition: str, floor: int | None, ceiling: int | None) -> str:
        """Return a statement that finds the calls that were the first of their sessions to contain something.

        A text has a row for each day on which it was new to a session, so that older days need not be read.
        """
        texts, spoken = condition, "1 = 1" + bounds(floor, ceiling)
        if floor is not None:
            ms = floor >> KEY_BITS
            texts += f" AND day >= toDate(fromUnixTimestamp64Milli({ms}, 'UTC'))"
            spoken += f" AND {self.since(max(ms - 1000, 0))}"
        hashes = f"SELECT hash FROM {self._texts} WHERE {texts}"  # noqa: S608
        found = f"FROM {self._said} WHERE {spoken} AND hash IN ({hashes})"
        by = "GROUP BY session_id, host, hash"
        if floor is None:
            return f"SELECT min(key) {found} {by}"
        before = (
            f"SELECT session_id, host, hash FROM {self._said} WHERE key < {floor} AND hash IN "  # noqa: S608
            f"(SELECT hash {found})"
        )
        return f"SELECT min(key) {found} AND (session_id, host, hash) NOT IN ({before}) {by}"

    def newest(self) -> int:
        """Return the largest order key of the newest call's millisecond, 0 if there is none."""
        # Parts know the latest start of their calls; for the largest key, the keys of all calls would be read.
        rows = self.rows(f"SELECT toUnixTimestamp64Milli(max(started_at)) FROM {self._calls}")  # noqa: S608
        ms = int(rows[0][0] or 0) if rows else 0
        return ((ms + 1) << KEY_BITS) - 1 if ms else 0

    def since(self, ms: int) -> str:
        """Return the condition that a call started at a time or later, which skips whole partitions."""
        return f"started_at >= fromUnixTimestamp64Milli({ms}, 'UTC')"

    def day(self, key: str) -> str:
        """Return the expression for the day of an order key."""
        return f"toString(toDate(toDateTime(intDiv(intDiv({key}, 2097152), 1000), 'UTC')))"

    def each_of(self, column: str) -> str:
        """Return the expression for one row per value of a column of lists."""
        return f"arrayJoin({column})"

    def counted(self, expression: str) -> str:
        """Return the expression that counts each integer."""
        number = f"assumeNotNull({expression})"
        return f"sumMapIf(map({number}, toUInt64(1)), ({expression}) IS NOT NULL)"

    def moment(self, column: str) -> str:
        """Format a time as text."""
        return f"concat(replaceOne(toString({column}), ' ', 'T'), 'Z')"

    def whole(self, number: str) -> str:
        """Return the expression for a number rounded down."""
        return f"toInt64(floor({number}))"

    def _ask(self, sql: str) -> bytes:
        left = TIME_LIMIT.left(WITHIN)
        # It stops by itself what nobody waits for any more.
        query = urlencode({**_SETTINGS, "max_execution_time": math.ceil(left)})
        # A kept connection may have been closed meanwhile, which only its next use reveals. A query that took too
        # long is not asked again: it would take as long once more.
        for again in (self._is_kept, False):
            connection = self._connection(left)
            try:
                connection.request("POST", f"/?{query}", sql.encode("utf-8", "replace"), self._headers)
                answer = connection.getresponse()
                body = answer.read()
                break
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                if not again or not isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                    raise EngineError(f"{self._address.authority} {_trouble(error, left)}") from None
        code = answer.getheader("X-ClickHouse-Exception-Code")
        if answer.status != 200 or code:
            hint = _HINTS.get(code or "", "")
            raise EngineError(f"{self._address.authority} answered {answer.status}, code {code or 0}{hint}")
        return body

    @property
    def _is_kept(self) -> bool:
        return getattr(self._local, "connection", None) is not None

    def _connection(self, within: float) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            host, port = self._address.host, self._address.port
            if self._address.scheme == "https":
                context = ssl.create_default_context(cafile=self._address.options.get("ca"))
                found = http.client.HTTPSConnection(host, port, context=context)
            else:
                found = http.client.HTTPConnection(host, port)
            self._local.connection = found
        # A kept connection has its socket, a new one makes it with this limit.
        found.timeout = within
        if found.sock is not None:
            found.sock.settimeout(within)
        return found
