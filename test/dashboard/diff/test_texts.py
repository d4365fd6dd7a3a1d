"""Tests of two texts compared line by line and word by word."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.texts import ALIGNED, LONGEST, SHOWN, compare_texts
from test.effort import effort


class TextsTests(SynchronousTestCase):
    """What differs is marked, and the work is bounded."""

    def test_words_that_differ(self) -> None:
        """In lines that are mostly the same; others are wholly removed and added."""
        removed, added = compare_texts("the red fox runs far", "the blue fox runs far")
        self.assertEqual([text for text, differs in removed.pieces if differs], ["red"])
        self.assertEqual([text for text, differs in added.pieces if differs], ["blue"])
        for line in compare_texts("entirely this", "what else? nothing"):
            self.assertEqual([differs for _, differs in line.pieces], [False])

    def test_only_where_words_are_asked_for(self) -> None:
        """Beyond the first texts of a page lines are compared whole."""
        for line in compare_texts("the red fox", "the blue fox", by_words=False):
            self.assertEqual(len(line.pieces), 1)

    def test_one_long_line(self) -> None:
        """It is broken where sentences end, at last anywhere; a change in it is not a change of all of it."""
        before = "This is a sentence. " * 40
        found = compare_texts(before, before + "And one more.")
        self.assertEqual([line.text for line in found if line.kind == "added"][-1], "And one more.")
        self.assertLessEqual(max(len(line.text) for line in compare_texts("", "x" * 9 * LONGEST)), LONGEST)

    def test_work_is_bounded(self) -> None:
        """Texts too different to be aligned say so, with how much was removed and added."""
        before, after = ("\n".join(f"{name}{n}" for n in range(ALIGNED + 1)) for name in "ab")
        found = compare_texts(before, after)
        self.assertLessEqual(len(found), SHOWN + 1)
        self.assertIn("too many to be aligned", found[0].text)

    @settings(max_examples=effort(50), deadline=None)
    @given(
        st.lists(st.sampled_from(["a b", "a c", "d", ""]), max_size=9),
        st.lists(st.sampled_from(["a b", "a c", "d", ""]), max_size=9),
    )
    def test_both_texts_can_be_read(self, one: list[str], other: list[str]) -> None:
        """What stayed and was removed is the one, what stayed and was added the other, where no line is left out."""
        found = compare_texts("\n".join(one), "\n".join(other))
        if all(line.kind != "gap" for line in found):
            for text, kind in ((one, "removed"), (other, "added")):
                kept = [line.text for line in found if line.kind in ("same", kind)]
                self.assertEqual(kept, "\n".join(text).splitlines())
