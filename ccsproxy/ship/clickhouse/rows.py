"""The rows of a batch, as JSON lines for each table, such that no engine rejects or alters one of them."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import attr
import msgspec

from ccsproxy.ship.clickhouse.schema import EXCHANGES, Table
from ccsproxy.ship.delivery.batch import LineBatch, ShippedLine
from ccsproxy.ship.facts import facts_of
from ccsproxy.ship.sent_texts import SentTexts, texts_of
from ccsproxy.store.summary import Price, milliseconds

#: The earliest and latest start that a column of `exchanges` can store: anything else would be altered.
_FIRST_MS, _LAST_MS = milliseconds("1970-01-02T00:00:00Z"), milliseconds("2149-01-01T00:00:00Z")
_DAY_MS = 86_400_000


@attr.define
class Rows:
    """The rows of one batch.

    :ivar lines: by table, JSON lines.
    :ivar refused: for each omitted record its number, session, and the reason.
    :ivar hosts: the machine labels of the rows.
    """

    lines: dict[str, list[bytes]]
    refused: list[tuple[str, int, str]] = attr.field(factory=list)
    hosts: set[str] = attr.field(factory=set)

    def body(self, table: str) -> bytes:
        """Return the data to insert into a table."""
        return b"\n".join(self.lines[table])


class RowMaker:
    """Makes the rows of batches.

    :param ttl_days: older rows would be deleted at once; 0 for none.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self, host: str, tables: Iterable[Table], price: Price, ttl_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.sent_texts = SentTexts()
        self._host, self._price, self._clock = host, price, clock
        self._names = [table.name for table in tables]
        self._oldest = ttl_days * _DAY_MS

    def rows(self, batch: LineBatch) -> Rows:
        """Make the rows of a batch."""
        self.sent_texts.begin()
        made = Rows({name: [] for name in self._names})
        for line in batch.lines:
            try:
                self._add(made, line, batch.segment)
            except (ValueError, TypeError, RecursionError) as error:
                made.refused.append(
                    (line.head.session_id, line.head.seq, f"it is not a record: {type(error).__name__}")
                )
        return made

    def _add(self, made: Rows, line: ShippedLine, segment: str) -> None:
        facts = facts_of(line, segment, self._host, self._price)
        began = milliseconds(facts["started_at"])
        late = self._oldest and began < self._clock() * 1000 - self._oldest
        if late or not _FIRST_MS <= began < _LAST_MS:
            reason = "it is older than the target's ttl_days" if late else "its time is out of range"
            made.refused.append((line.head.session_id, line.head.seq, reason))
            return
        made.hosts.add(facts["host"])
        facts["tools"] = facts["tools"] or []
        facts["status"] = facts["status"] if 0 <= (facts["status"] or 0) < 1 << 31 else None
        for name in ("started_at", "ended_at"):
            facts[name] = _moment(facts[name])
        made.lines["exchanges"].append(_json({name: facts[name] for name in EXCHANGES if name in facts}))
        named = {"started_at": facts["started_at"], "host": facts["host"], "session_id": facts["session_id"]}
        if "bodies" in made.lines:
            made.lines["bodies"].append(
                _json({**named, "id": facts["id"], "record": line.json().decode("utf-8", "replace")})
            )
        if "messages" in made.lines:
            self._add_texts(made, line, facts)

    def _add_texts(self, made: Rows, line: ShippedLine, facts: dict[str, Any]) -> None:
        day = str(facts["started_at"])[:10]
        for row in texts_of(self.sent_texts, [line], [facts]):
            text = row.pop("text")
            made.lines["exchange_messages"].append(_json({**row, "started_at": facts["started_at"]}))
            if self.sent_texts.is_new(day, row["hash"]):
                message = {"day": day, "hash": row["hash"], "kind": row["kind"], "text": text}
                made.lines["messages"].append(_json(message))


def _moment(text: str | None) -> str | None:
    """Format a time in UTC in ClickHouse's default format, null if it is invalid."""
    if text is None:
        return None
    try:
        ms = milliseconds(text)
    except ValueError:
        return None
    if not _FIRST_MS <= ms < _LAST_MS:
        return None
    seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000))
    return f"{seconds}.{ms % 1000:03d}"


def _json(row: dict[str, object]) -> bytes:
    return msgspec.json.encode(row)
