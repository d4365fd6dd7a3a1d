"""A copy of the summaries and texts of shipped segments in DuckDB's own format, updated file by file.

Opening thousands of small Parquet files takes a second, whatever the query; rows of one table in time order cost only
what the result needs. Nothing of the copy outlives the program.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attr
import duckdb
from twisted.logger import Logger

from ccsproxy.store.engine.columns import EXCHANGES, TEXTS

#: DuckDB's memory limit; the rest is in the copy's file.
MEMORY = "1GB"
#: How many files are read together.
_TOGETHER = 100
_TEXTS_END = ".texts.parquet"

log = Logger()


@attr.frozen
class _File:
    """A file as it was found: with another size or time it is another file."""

    path: str
    changed_ns: int
    size: int


class Lake:
    """The tables ``exchanges`` and ``texts``. One thread at a time may call `refresh`; many may query.

    Texts are stored in lower case. They are twenty times as large as summaries, and are read at the first search.

    Invariants: each call is in ``exchanges`` once, however many files contain it; every row names its file, so that
    it is removed with it; a file that cannot be read is skipped and logged, and does not affect others.

    :ivar known: the files whose rows are included.
    :ivar searched: whether texts are read, too.
    :param kept: the file of the copy, in a private directory; in memory if None.
    """

    def __init__(self, folder: Path, kept: Path | None = None, searched: bool = False) -> None:
        self._folder, self.searched = folder, searched
        self.connection = duckdb.connect(str(kept) if kept else ":memory:")
        self.connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{MEMORY}'")
        for name, columns in (("exchanges", EXCHANGES), ("texts", TEXTS)):
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self.connection.execute(f"CREATE TABLE {name} (file VARCHAR, {listed})")
        self.known: set[_File] = set()
        #: Files some of whose calls were in another file already: they are read again when one disappears.
        self._doubled: set[_File] = set()

    def refresh(self) -> bool:
        """Add new files, and remove those that are gone.

        :return: whether anything changed.
        """
        found = set(self._found())
        gone, new = self.known - found, found - self.known
        if gone:
            new |= self._doubled & found
            self._remove(gone | self._doubled)
            self.known -= gone | self._doubled
            self._doubled.clear()
        # Names begin with a time: rows stored in time order are skipped by the hundred thousand.
        ordered = sorted(new, key=lambda each: each.path.rpartition("/")[2])
        for name in ("exchanges", "texts"):
            files = [each for each in ordered if each.path.endswith(_TEXTS_END) == (name == "texts")]
            for first in range(0, len(files), _TOGETHER):
                self._take(name, files[first : first + _TOGETHER])
        self.known |= new
        return bool(gone or new)

    def _found(self) -> Iterable[_File]:
        for path in self._folder.glob("dt=*/host=*/*.parquet"):
            try:
                status = path.stat()
            except OSError:
                continue  # it was removed in between
            if path.name.endswith(_TEXTS_END) and not self.searched:
                continue
            yield _File(str(path), status.st_mtime_ns, status.st_size)

    def _remove(self, files: Iterable[_File]) -> None:
        paths = [each.path for each in files]
        for name in ("exchanges", "texts"):
            self.connection.execute(f"DELETE FROM {name} WHERE list_contains(?, file)", [paths])  # noqa: S608

    def _take(self, name: str, files: Sequence[_File]) -> None:
        """Read some files together, or one by one if that fails."""
        try:
            self._insert(name, [each.path for each in files])
        except duckdb.Error as error:
            if len(files) > 1:
                for each in files:
                    self._take(name, [each])
                return
            log.error("{path} cannot be read and is skipped: {kind}", path=files[0].path, kind=type(error).__name__)
            return
        if name == "exchanges":
            self._note_doubles(files)

    def _insert(self, name: str, paths: Sequence[str]) -> None:
        source = "read_parquet(?, union_by_name = true, hive_partitioning = false, filename = 'file')"
        there = {row[0] for row in self._ask(f"DESCRIBE SELECT * FROM {source}", [paths])}  # noqa: S608
        columns = [f'"{each}"' for each in ("file", *(EXCHANGES if name == "exchanges" else TEXTS)) if each in there]
        # Searches ignore case: converting to lower case at query time would cost as much as the search itself.
        listed = ", ".join('lower("text") AS "text"' if each == '"text"' else each for each in columns)
        once = ""
        if name == "exchanges":
            # The key consists of start and id: only rows with the same time can be the same call.
            least, most = self._ask(f"SELECT min(key), max(key) FROM {source}", [paths])[0]  # noqa: S608
            once = (
                "WHERE NOT EXISTS (SELECT 1 FROM exchanges AS old "  # noqa: S608  (whole numbers)
                f"WHERE old.key BETWEEN {least or 0} AND {most or 0} "
                "AND old.key = new.key AND old.host = new.host AND old.id = new.id) "
                "QUALIFY row_number() OVER (PARTITION BY host, id ORDER BY file) = 1"
            )
        self.connection.cursor().execute(
            f"INSERT INTO {name} BY NAME SELECT {listed} FROM {source} AS new {once}",  # noqa: S608
            [paths],
        )

    def _note_doubles(self, files: Sequence[_File]) -> None:
        """Note the files of which not every row was added."""
        paths = [each.path for each in files]
        have = dict(
            self._ask("SELECT file, count(*) FROM exchanges WHERE list_contains(?, file) GROUP BY file", [paths])
        )
        rows = self._ask("SELECT file_name, sum(row_group_num_rows) FROM (SELECT DISTINCT file_name, row_group_id, "
                         "row_group_num_rows FROM parquet_metadata(?)) GROUP BY file_name", [paths])  # fmt: skip
        counts = {path: int(count) for path, count in rows}
        self._doubled |= {each for each in files if have.get(each.path, 0) < counts.get(each.path, 0)}

    def _ask(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        return self.connection.cursor().execute(sql, values).fetchall()
