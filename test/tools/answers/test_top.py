"""``ccsproxy top``: everything at a glance."""

from test.tools.answering import AnsweringCase


class TopTests(AnsweringCase):
    """One look."""

    def test_top(self) -> None:
        found = self.answer("top", "--once")
        self.assertLessEqual({"today", "rate", "sessions", "running", "budgets", "limits"}, set(found))
        self.assertIn("an hour", self.said("top", "--once"))
