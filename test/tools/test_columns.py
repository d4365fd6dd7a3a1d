"""Columns as wide as a terminal lets them be."""

import io
import os

from hypothesis import given
from hypothesis.strategies import integers, text
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.columns import PIPED, Columns, TextColumn, cells, cut, fit, table, width_of, wrapped

LIST = (
    TextColumn("TIME", 8),
    TextColumn("MODEL", 10, least=60, wide=20),
    TextColumn("COST", 6, right=True),
    TextColumn("TITLE"),
)


class Narrow(io.StringIO):
    """A terminal that is as wide as the environment says."""

    def isatty(self) -> bool:
        return True


class CellTests(SynchronousTestCase):
    """What letters take up."""

    def test_wide_letters(self) -> None:
        """Two cells for those of East Asia and for pictures, none for marks and what joins them."""
        self.assertEqual([cells(each) for each in ("abc", "日本", "e\u0301", "👍", "a\u200db")], [3, 4, 1, 2, 2])

    def test_cut(self) -> None:
        """Never in the middle of a wide letter; what fits stays as it is."""
        self.assertEqual([cut("日本語", width) for width in (6, 5, 4)], ["日本語", "日本…", "日…"])
        self.assertEqual(cut("abc", 3), "abc")

    @given(text(max_size=30), integers(1, 40))
    def test_fit(self, words: str, width: int) -> None:
        """What is fitted takes up exactly what there is."""
        for right in (False, True):
            self.assertEqual(cells(fit(words, width, right)), width)

    def test_width(self) -> None:
        """A program that reads gets whole lines; a terminal is never taken for narrower than anything fits."""
        self.patch(os, "environ", {"COLUMNS": "10"})
        self.assertEqual((width_of(io.StringIO()), width_of(Narrow())), (PIPED, 40))


class ColumnTests(SynchronousTestCase):
    """Rows that come one by one."""

    def test_what_matters_less_is_left_out(self) -> None:
        """Of a narrow list; the last column takes what is left, and no line is longer than the terminal."""
        values = {"TIME": "12:00:00", "MODEL": "a-model-of-a-long-name", "COST": "$1.00", "TITLE": "日本語 " * 30}
        for width in (40, 59, 60, 80, 200):
            columns = Columns(LIST, width)
            self.assertEqual(columns.has("MODEL"), width >= 60)
            self.assertLessEqual(cells(columns.line(values)), width)
            self.assertIn(" $1.00", columns.line(values))
        self.assertIn("a-model-of-a-long-n…", Columns(LIST, 200).line(values))

    def test_heading(self) -> None:
        """Figures have their names at the right, too."""
        self.assertEqual(Columns(LIST, 40).heading(), "TIME        COST  TITLE")


class TableTests(SynchronousTestCase):
    """Rows that are there at once."""

    ROWS = (("NAME", "CALLS", "P50", "COST"), ("日本", "1", "2.0s", "$3.00"), ("a" * 40, "22", "9.0s", "$0.10"))

    def written(self, columns: int, *spare: str) -> list[str]:
        """Write the rows on a terminal."""
        self.patch(os, "environ", {"COLUMNS": str(columns)})
        out = Narrow()
        table(self.ROWS, out, spare)
        return out.getvalue().splitlines()

    def test_aligned(self) -> None:
        """By cells, so that a row of wide letters ends where the others end."""
        lines = self.written(100)
        self.assertEqual(len({cells(line) for line in lines}), 1)

    def test_narrow(self) -> None:
        """Columns that may be left out go first, and it is said; then names are cut."""
        lines = self.written(50, "P50")
        self.assertNotIn("2.0s", "".join(lines))
        self.assertIn("too narrow for P50", lines[-1])
        self.assertTrue(all(cells(line) <= 50 for line in lines[:-1]))


class SidesTests(SynchronousTestCase):
    """At which side a column stands."""

    def test_texts_and_figures(self) -> None:
        """Texts stand at the left and figures at the right, also where some are missing or bounds."""
        out = io.StringIO()
        table([("A", "MODEL", "COST"), ("x", "gpt", "$10.00"), ("y", "-", "≥ $1"), ("z", "claude", "-")], out)
        lines = ["A  MODEL     COST", "x  gpt     $10.00", "y  -         ≥ $1", "z  claude       -"]
        self.assertEqual(out.getvalue().splitlines(), lines)


class WrappedTests(SynchronousTestCase):
    """Long sentences."""

    def test_indent(self) -> None:
        """Lines after the first stand below its beginning; a word that is too long stands alone."""
        self.assertEqual(wrapped("one two three", 12, 4), "one two\n    three")
        self.assertEqual(wrapped("a" * 30, 12, 4), "a" * 30)
