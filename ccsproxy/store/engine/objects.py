"""A directory of shipped segments as an engine: DuckDB over the Parquet files, records from the segments."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from ccsproxy.exchange import codec
from ccsproxy.store.engine.answer_cache import AnswerCache
from ccsproxy.store.engine.engine import EngineError, bounds, phrase
from ccsproxy.store.engine.lake import Lake
from ccsproxy.store.engine.time_limit import TIME_LIMIT, WITHIN
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import is_segment_name

#: Seconds between two checks for new files, and how many seconds results are cached while there are none.
LOOK_EVERY, HELD_S = 5.0, 60.0


class ObjectsEngine:
    """Answers queries over a directory with the objects stored by `ccsproxy.ship.objects`, or a copy of it.

    Invariant: results cover the files that existed at the last check; while one thread checks, the others get results
    of the check before.

    :param folder: contains the directories by day.
    :param fetch: copies a missing file into the directory, for stores that are not directories.
    :param look: copies summaries and texts into the directory, for such stores.
    :param kept: a file for the copy of summaries and texts, so that they need not fit into memory.
    :param searched: whether texts are read at once, instead of at the first search.
    """

    exchanges = repeated = "exchanges"

    def __init__(
        self,
        folder: Path,
        fetch: Callable[[str], None] = lambda path: None,
        look: Callable[[], None] = lambda: None,
        kept: Path | None = None,
        searched: bool = False,
    ) -> None:
        """Check which files exist.

        :raises EngineError: if that fails.
        """
        self._folder, self._fetch, self._look, self._files = folder, fetch, look, Files()
        self._looked_at = -LOOK_EVERY
        self._looking = threading.Lock()
        self._cache = AnswerCache(HELD_S)
        self._lake = Lake(folder, kept, searched)
        self.refresh()

    def refresh(self) -> None:
        """Check which files exist, unless that was done recently or is in progress.

        :raises EngineError: if that fails.
        """
        if time.monotonic() - self._looked_at < LOOK_EVERY or not self._looking.acquire(blocking=False):
            return
        try:
            self._take_in()
        finally:
            self._looking.release()

    def _take_in(self) -> None:
        try:
            self._look()
            if self._lake.refresh():
                self._cache.clear()
        except OSError as error:
            raise EngineError(str(error)) from None
        except duckdb.Error as error:
            raise EngineError(f"{self._folder} cannot be read: {type(error).__name__}") from None
        finally:
            self._looked_at = time.monotonic()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        self.refresh()
        return self._cache.get(sql, self._ask) if self._lake.known else []

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self._lake.connection.cursor()
        late = threading.Timer(TIME_LIMIT.left(WITHIN), cursor.interrupt)
        late.start()
        try:
            return cursor.execute(sql).fetchall()
        except duckdb.InterruptException:
            raise EngineError(f"{self._folder} took too long to search; choose a shorter time range") from None
        except duckdb.Error as error:
            raise EngineError(f"{self._folder} cannot be queried: {type(error).__name__}") from None
        finally:
            late.cancel()

    def records(self, rows: Sequence[tuple[str, str, str, str, int, int]]) -> dict[str, bytes]:
        """Return the JSON of records, reading each segment only once."""
        wanted: dict[str, list[tuple[str, int, int]]] = {}
        for name, host, _, segment, offset, length in rows:
            if not is_segment_name(segment):
                continue  # a foreign file may contain anything, including a path to somewhere else
            day = f"dt={segment[:4]}-{segment[4:6]}-{segment[6:8]}"
            path = f"{day}/host={quote(host, safe='')}/{segment}.jsonl.zst"
            wanted.setdefault(path, []).append((name, offset, length))
        found: dict[str, bytes] = {}
        for path, places in wanted.items():
            lines = self._lines(path, [(offset, length) for _, offset, length in places])
            found.update({name: codec.strip(lines[at]) for name, at, _ in places if codec.verify(lines.get(at, b""))})
        return found

    def _lines(self, path: str, places: list[tuple[int, int]]) -> dict[int, bytes]:
        try:
            self._fetch(path)
            with CompressedSegment(self._folder / path, self._files) as packed:
                return packed.read_several(places)
        except (OSError, PackedError):
            return {}

    def literal(self, text: str) -> str:
        """Format a text as a literal."""
        return "'" + text.encode("utf-8", "replace").decode().replace("'", "''") + "'"

    def any_of(self, column: str, values: Sequence[str]) -> str:
        """Return the condition that a column of lists has one of some values."""
        return f"list_has_any({column}, [{', '.join(map(self.literal, values))}])"

    def any_in(self, column: str) -> str:
        """Return the condition that a column of lists has any value."""
        return f"len({column}) > 0"

    def any_contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in one of a column of lists."""
        return f"contains(lower(array_to_string({column}, chr(10))), lower({self.literal(text)}))"

    def contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in a column."""
        return f"contains(lower(CAST({column} AS VARCHAR)), lower({self.literal(text)}))"

    def phrase_condition(self, words: Sequence[str], open_ended: bool) -> str:
        """Return the condition that words are consecutive."""
        plain = " AND ".join(f"contains(text, {self.literal(word.lower())})" for word in words)
        return f"{plain} AND regexp_matches(text, {self.literal(phrase(words, open_ended))})"

    def first_containing(self, condition: str, floor: int | None, ceiling: int | None) -> str:
        """Return a statement that finds the calls that were the first of their sessions to contain something.

        :raises EngineError: if the texts, which are read for the first search, cannot be read.
        """
        if not self._lake.searched:
            with self._looking:
                self._lake.searched = True
                self._take_in()
        found = (
            "SELECT session_id, host, hash, min(key) AS first FROM texts "  # noqa: S608  (literals are quoted)
            f"WHERE {condition}{bounds(floor, ceiling)} GROUP BY ALL"
        )
        if floor is None:
            return f"SELECT first FROM ({found}) AS f"  # noqa: S608
        before = f"key < {floor} AND t.hash = f.hash AND t.session_id = f.session_id AND t.host = f.host"
        return f"SELECT first FROM ({found}) AS f WHERE NOT EXISTS (SELECT 1 FROM texts AS t WHERE {before})"  # noqa: S608

    def newest(self) -> int:
        """Return the order key of the newest call, 0 if there is none."""
        rows = self.rows("SELECT max(key) FROM exchanges")
        return int(rows[0][0] or 0) if rows else 0

    def since(self, ms: int) -> str:
        """Return the condition that a call started at a time or later."""
        return f"started_at >= make_timestamptz({ms * 1000})"

    def day(self, key: str) -> str:
        """Return the expression for the day of an order key."""
        return f"strftime(make_timestamp(({key} // 2097152) * 1000), '%Y-%m-%d')"

    def each_of(self, column: str) -> str:
        """Return the expression for one row per value of a column of lists."""
        return f"unnest({column})"

    def counted(self, expression: str) -> str:
        """Return the expression that counts each integer."""
        return f"histogram({expression})"

    def moment(self, column: str) -> str:
        """Return the expression for a time as text."""
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%gZ')"

    def whole(self, number: str) -> str:
        """Return the expression for a number rounded down."""
        return f"CAST(floor({number}) AS BIGINT)"
