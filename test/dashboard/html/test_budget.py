"""Tests of how much a page may show."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.budget import RenderBudget


class BudgetTests(SynchronousTestCase):
    """What is taken, and what is left out, is counted."""

    @given(st.lists(st.tuples(st.text(max_size=30), st.integers(-3, 40)), max_size=12), st.integers(0, 100))
    def test_nothing_is_lost_silently(self, texts: list[tuple[str, int]], room: int) -> None:
        """Each text is shown up to its bound and the page's, and the rest of it is in the count."""
        budget = RenderBudget(characters=room)
        taken = [budget.take(text, most) for text, most in texts]
        self.assertLessEqual(sum(map(len, taken)), room)
        for (text, most), got in zip(texts, taken, strict=True):
            self.assertTrue(text.startswith(got))
            self.assertLessEqual(len(got), max(most, 0))
        self.assertEqual(budget.cut, sum(len(text) for text, _ in texts) - sum(map(len, taken)))

    def test_elements(self) -> None:
        """The last element is given once; who asks beyond it hears no, again and again."""
        budget = RenderBudget(elements=2)
        self.assertEqual([budget.element() for _ in range(4)], [True, True, False, False])

    def test_images(self) -> None:
        """One that does not fit leaves its room to a smaller one."""
        budget = RenderBudget(images=10)
        self.assertEqual([budget.image("x" * size) for size in (11, 6, 5, 4)], [False, True, False, True])
