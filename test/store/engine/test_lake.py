"""The hub's copy of shipped files: what comes, changes, goes, is there twice, or cannot be read."""

from pathlib import Path
from typing import Any

import duckdb
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.engine.lake import Lake


class LakeTests(SynchronousTestCase):
    """Files of a few rows, as several versions write them."""

    def setUp(self) -> None:
        """Begin with an empty folder."""
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "dt=2026-11-30" / "host=h").mkdir(parents=True)
        self.lake = Lake(self.folder)

    def write(self, name: str, *rows: tuple[str, int], more: str = "", texts: bool = False) -> Path:
        """Write a file of calls, each an id and a key."""
        path = self.folder / "dt=2026-11-30" / "host=h" / (name + (".texts.parquet" if texts else ".parquet"))
        listed = ", ".join(f"('{each}', {key})" for each, key in rows)
        columns = "id AS hash, id AS text, 's' AS session_id" if texts else f"id, 's' AS session_id{more}"
        relation = f"(VALUES {listed}) AS t(id, key)"
        duckdb.sql(f"COPY (SELECT {columns}, key, 'h' AS host FROM {relation}) TO '{path}'")
        return path

    def ids(self) -> list[str]:
        """Return the calls that are there after a look."""
        self.lake.refresh()
        return [str(row[0]) for row in self.ask("SELECT id FROM exchanges ORDER BY key")]

    def ask(self, sql: str) -> list[Any]:
        """Return what a statement finds."""
        return self.lake.connection.execute(sql).fetchall()

    def test_comes_and_goes(self) -> None:
        """A file's rows are there once it is, and go with it; nothing new is nothing new."""
        self.assertFalse(self.lake.refresh())
        one = self.write("a", ("x", 1), ("y", 2))
        self.write("b", ("z", 3))
        self.assertEqual(self.ids(), ["x", "y", "z"])
        self.assertFalse(self.lake.refresh())
        one.unlink()
        self.assertEqual(self.ids(), ["z"])

    def test_written_anew(self) -> None:
        """What was cut out of a file under its name is gone: a removed session."""
        self.write("a", ("x", 1), ("y", 2))
        self.assertEqual(self.ids(), ["x", "y"])
        self.write("a", ("y", 2))
        self.assertEqual(self.ids(), ["y"])

    def test_twice(self) -> None:
        """A call that two files have is there once, also when they come in turn, and stays with either."""
        one = self.write("a", ("x", 1), ("y", 2), ("y", 2))
        self.assertEqual(self.ids(), ["x", "y"])
        self.write("b", ("y", 2), ("z", 3))
        self.assertEqual(self.ids(), ["x", "y", "z"])
        one.unlink()
        self.assertEqual(self.ids(), ["y", "z"])

    def test_not_to_be_read(self) -> None:
        """A torn file takes no other with it, is named in the log once, and is read when it is whole."""
        self.write("a", ("x", 1))
        path = self.write("b", ("y", 2))
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        self.assertEqual(self.ids(), ["x"])
        self.assertEqual(self.ids(), ["x"])
        path.write_bytes(whole)
        self.assertEqual(self.ids(), ["x", "y"])

    def test_other_versions(self) -> None:
        """A missing column is null, an unknown one is left, one of another type costs that file alone."""
        self.write("a", ("x", 1), more=", 'm' AS model, 3 AS new_member")
        self.write("b", ("y", 2), more=", 0.5 AS cost, [1] AS tools")
        self.write("c", ("z", 3), more=", 'much' AS cost")
        self.assertEqual(self.ids(), ["x", "y"])
        found = self.ask("SELECT model, cost, tools FROM exchanges ORDER BY key")
        self.assertEqual(found, [("m", None, None), (None, 0.5, ["1"])])

    def test_texts_when_searched(self) -> None:
        """Texts are read when somebody searches."""
        self.write("a", ("x", 1))
        self.write("a", ("x", 1), texts=True)
        self.lake.refresh()
        self.assertEqual(self.ask("SELECT text FROM texts"), [])
        self.lake.searched = True
        self.assertTrue(self.lake.refresh())
        self.assertEqual(self.ask("SELECT text FROM texts"), [("x",)])

    def test_odd_names(self) -> None:
        """Names of hosts and files are data: quotes and globs in them are letters."""
        odd = self.folder / "dt=2026-11-30" / "host=a'b%2F..%2F*[c]"
        odd.mkdir()
        self.write("a", ("x", 1)).rename(odd / "seg'ment*?.parquet")
        self.assertEqual(self.ids(), ["x"])
