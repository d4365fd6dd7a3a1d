"""A copy of the summaries and texts of shipped segments in DuckDB's own format, brought up to date file by file.

Thousands of small Parquet files cost a second to open, whatever is asked; rows of one table that lie in the order of
time cost what the answer needs. Nothing of the copy outlives the program.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attr
import duckdb
from twisted.logger import Logger

from ccsproxy.store.engine.columns import EXCHANGES, TEXTS

#: Bytes that DuckDB keeps in memory; the rest is in the copy's file.
MEMORY = "1GB"
#: Files that are read together.
_TOGETHER = 100
_TEXTS_END = ".texts.parquet"

log = Logger()


@attr.frozen
class _File:
    """A file as it was found: another size or time is another file."""

    path: str
    changed_ns: int
    size: int


class Lake:
    """The tables ``exchanges`` and ``texts``. One thread at a time may call `refresh`; many may ask.

    Texts are kept in small letters. They are twenty times as much as summaries, and are read when somebody searches
    for the first time.

    Invariants: each call is in ``exchanges`` once, however many files have it; every row names the file that it is
    from, so that it goes with it; a file that cannot be read is left out and logged, and takes no other with it.

    :ivar known: the files whose rows are there.
    :ivar searched: whether texts are read, too.
    :param kept: the file of the copy, in a private folder; in memory where it is None.
    """

    def __init__(self, folder: Path, kept: Path | None = None, searched: bool = False) -> None:
        self._folder, self.searched = folder, searched
        self.connection = duckdb.connect(str(kept) if kept else ":memory:")
        self.connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{MEMORY}'")
        for name, columns in (("exchanges", EXCHANGES), ("texts", TEXTS)):
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self.connection.execute(f"CREATE TABLE {name} (file VARCHAR, {listed})")
        self.known: set[_File] = set()
        #: Files some of whose calls another file had: they are read again when one goes.
        self._doubled: set[_File] = set()

    def refresh(self) -> bool:
        """Take in what is new, and let go of what is gone.

        :return: whether there was anything of both.
        """
        found = set(self._found())
        gone, new = self.known - found, found - self.known
        if gone:
            new |= self._doubled & found
            self._remove(gone | self._doubled)
            self.known -= gone | self._doubled
            self._doubled.clear()
        # Names begin with a time: rows that lie in its order are passed over by the hundred thousand.
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
                continue  # it has gone between the two
            if path.name.endswith(_TEXTS_END) and not self.searched:
                continue
            yield _File(str(path), status.st_mtime_ns, status.st_size)

    def _remove(self, files: Iterable[_File]) -> None:
        paths = [each.path for each in files]
        for name in ("exchanges", "texts"):
            self.connection.execute(f"DELETE FROM {name} WHERE list_contains(?, file)", [paths])  # noqa: S608

    def _take(self, name: str, files: Sequence[_File]) -> None:
        """Take some files in together, or one by one where that does not go."""
        try:
            self._insert(name, [each.path for each in files])
        except duckdb.Error as error:
            if len(files) > 1:
                for each in files:
                    self._take(name, [each])
                return
            log.error("{path} cannot be read, and is left out: {kind}", path=files[0].path, kind=type(error).__name__)
            return
        if name == "exchanges":
            self._note_doubles(files)

    def _insert(self, name: str, paths: Sequence[str]) -> None:
        source = "read_parquet(?, union_by_name = true, hive_partitioning = false, filename = 'file')"
        there = {row[0] for row in self._ask(f"DESCRIBE SELECT * FROM {source}", [paths])}  # noqa: S608
        columns = [f'"{each}"' for each in ("file", *(EXCHANGES if name == "exchanges" else TEXTS)) if each in there]
        # Whatever is searched for is looked for in small letters: making them costs as much as looking.
        listed = ", ".join('lower("text") AS "text"' if each == '"text"' else each for each in columns)
        once = ""
        if name == "exchanges":
            # The key is made of start and id: only rows of the same time can be the same call.
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
        """Remember the files of which not every row was taken."""
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
