"""``ccsproxy top``: everything at a glance."""

from test.tools.answering import AnsweringCase


class TopTests(AnsweringCase):
    """One look."""

    def test_top(self) -> None:
        found = self.answer("top", "--once")
        self.assertLessEqual({"today", "rate", "sessions", "running", "budgets", "limits"}, set(found))
        self.assertIn("no call in the last 10 minutes", self.said("top", "--once"))

    def test_into_a_pipe(self) -> None:
        """Once, as nobody looks at it while it would change."""
        self.assertEqual(self.said("top").count(" running"), 1)
