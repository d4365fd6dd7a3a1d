"""The inverted index from words to texts, in shards of bounded size that are built and dropped as a whole.

A text that many requests contain is in a shard once, without its characters, which are in the records. SQLite's FTS5
cannot remove a text from such a table without having the text itself. So a shard is dropped when none of its requests
is left, and rebuilt from the records when a text was removed on purpose.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import attr

#: Characters of text from which on a shard is full: small enough to be remade in some seconds.
SHARD_SIZE = 16 << 20
_OPTIONS = (("automerge", 8), ("crisismerge", 16), ("pgsz", 8000), ("hashsize", 16777216))


@attr.frozen
class Shard:
    """One shard.

    :ivar first: number of its first text; texts of one shard have consecutive numbers.
    :ivar last: number of its last text.
    :ivar first_key: lowest order key of the requests with one of its texts.
    :ivar last_key: highest one.
    """

    shard: int
    first: int
    last: int
    size: int
    first_key: int
    last_key: int


def shards_of(connection: sqlite3.Connection) -> list[Shard]:
    """Return the shards, those with the newest requests first."""
    return [Shard(*row) for row in connection.execute("SELECT * FROM shards ORDER BY last_key DESC, shard DESC")]


def keys_that_say(
    connection: sqlite3.Connection, shard: Shard, expressions: Sequence[str], floor: int, ceiling: int
) -> list[int]:
    """Return the order keys of the requests whose texts in a shard match all expressions, the newest first.

    :param floor: the lowest key to return.
    :param ceiling: the exclusive upper bound of the keys.
    """
    sql = " INTERSECT ".join([_SAYS.format(table_of(shard.shard))] * len(expressions)) + " ORDER BY 1 DESC"
    values = [value for expression in expressions for value in (expression, floor, ceiling)]
    return [key for (key,) in connection.execute(sql, values)]


class Shards:
    """The shards as the index's writer uses them, within its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._packed = (0, 0)

    def current(self) -> Shard | None:
        """Return the shard to which texts are added; null if the next text starts one."""
        found = self._connection.execute("SELECT * FROM shards ORDER BY shard DESC LIMIT 1").fetchone()
        shard = Shard(*found) if found else None
        return shard if shard is not None and shard.size < SHARD_SIZE else None

    def next_text(self) -> int:
        """Return the number of the next text that is new."""
        (last,) = self._connection.execute("SELECT max(last) FROM shards").fetchone()
        return (last or 0) + 1

    def begin(self) -> Shard:
        """Start a shard; the previous one is full, and is merged completely."""
        full = self._connection.execute("SELECT * FROM shards ORDER BY shard DESC LIMIT 1").fetchone()
        if full:
            self._pack(Shard(*full))
        first = self.next_text()
        values = (first, first - 1, 0, 1 << 62, 0)
        number = self._connection.execute(_NEW, values).lastrowid
        self._make(int(number or 0))
        return Shard(int(number or 0), *values)

    def add(self, shard: Shard, texts: Sequence[tuple[int, str]], keys: Iterable[int]) -> Shard:
        """Add texts to the current shard, all of a batch at once and in order of their numbers.

        FTS5 buffers inserted rows in memory, but writes them out, as a separate tree that has to be merged later,
        before a number that is not above the last one, and at every statement of the transaction that might have to
        be rolled back separately.

        :param keys: of the requests with these texts, or with texts that are already in the shard.
        """
        self._connection.executemany(f"INSERT INTO {table_of(shard.shard)} (rowid, text) VALUES (?, ?)", texts)  # noqa: S608
        keys = list(keys)
        changed = attr.evolve(
            shard,
            last=texts[-1][0] if texts else shard.last,
            size=shard.size + sum(len(text) for _, text in texts),
            first_key=min([shard.first_key, *keys]),
            last_key=max([shard.last_key, *keys]),
        )
        self._connection.execute("INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?)", attr.astuple(changed))
        return changed

    def drop(self, shard: Shard) -> None:
        """Drop a shard with all that is known of its texts."""
        self._connection.execute(f"DROP TABLE {table_of(shard.shard)}")
        self._connection.execute("DELETE FROM links WHERE text BETWEEN ? AND ?", (shard.first, shard.last))
        self._connection.execute("DELETE FROM shards WHERE shard = ?", (shard.shard,))

    def remake(self, shard: Shard, texts: Iterable[tuple[int, str]]) -> None:
        """Rebuild a shard from those of its texts that are still in use.

        :param texts: with their numbers.
        """
        table = table_of(shard.shard)
        self._connection.execute(f"DROP TABLE {table}")
        self._make(shard.shard)
        self._connection.executemany(f"INSERT INTO {table} (rowid, text) VALUES (?, ?)", sorted(texts))  # noqa: S608
        self._pack(shard)

    def pack(self) -> None:
        """Pack the current shard tightly if it has grown by a quarter; for when there is nothing else to do."""
        shard = self.current()
        if shard is not None and (shard.shard != self._packed[0] or shard.size >= self._packed[1] * 5 // 4):
            self._pack(shard)
            self._packed = (shard.shard, shard.size)

    def _make(self, number: int) -> None:
        table = table_of(number)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5 "
            "(text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2')"
        )
        for option, value in _OPTIONS:
            self._connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES (?, ?)", (option, value))  # noqa: S608

    def _pack(self, shard: Shard) -> None:
        table = table_of(shard.shard)
        self._connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608


def table_of(shard: int) -> str:
    """Return the name of a shard's table."""
    return f"passages_{int(shard)}"


_SAYS = (
    "SELECT links.key FROM {0} JOIN links ON links.text = {0}.rowid "
    "WHERE {0} MATCH ? AND links.key >= ? AND links.key < ?"
)
_NEW = "INSERT INTO shards (first, last, size, first_key, last_key) VALUES (?, ?, ?, ?, ?)"
