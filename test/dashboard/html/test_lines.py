"""Tests of two texts line by line."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.lines import AROUND, MOST, compare, show
from test.dashboard.reading_page import shown
from test.effort import effort

_LINES = st.lists(st.sampled_from("abcde"), max_size=25)


class LinesTests(SynchronousTestCase):
    """Two texts line by line."""

    def test_lines(self) -> None:
        """A comparison shows what changed and a little around it."""
        before = "\n".join(str(number) for number in range(30))
        found = compare(before, before.replace("15", "x"))
        self.assertEqual([line.text for line in found if line.kind in ("added", "removed")], ["15", "x"])
        self.assertEqual([line.kind for line in found].count("gap"), 2)
        self.assertEqual([line.kind for line in found].count("same"), 2 * AROUND)

    def test_a_single_line_is_no_gap(self) -> None:
        """A gap takes as much room as the line that it would stand for."""
        found = compare("a\n1\n2\n3\nb", "x\n1\n2\n3\ny")
        self.assertEqual([line.kind for line in found].count("gap"), 0)

    @settings(max_examples=effort(60), deadline=None)
    @given(_LINES, _LINES)
    def test_all_that_differs_is_there(self, before: list[str], after: list[str]) -> None:
        """With the lines of the gaps, what was removed and what stayed is the text before; likewise the one after."""
        found = compare("\n".join(before), "\n".join(after))
        for text, kind in ((before, "removed"), (after, "added")):
            count = sum(
                int(line.text.split()[1]) if line.kind == "gap" else line.kind in ("same", kind) for line in found
            )
            self.assertEqual(count, len("\n".join(text).splitlines()))

    def test_too_long_to_compare(self) -> None:
        """Beyond so many lines everything is removed and added."""
        kinds = {line.kind for line in compare("a\n" * (MOST + 1), "a")}
        self.assertEqual(kinds, {"removed", "added"})

    def test_signs_beside_colours(self) -> None:
        """Who sees no colours reads signs."""
        self.assertEqual(shown(show(compare("a", "b"), "x")).one("pre").text, "- a\n+ b\n")
