"""``ccsproxy budget``: how much of it is spent."""

from test.tools.answering import AnsweringCase


class BudgetTests(AnsweringCase):
    """What is given and what is spent."""

    def test_budget(self) -> None:
        status, out, _ = self.run_command("budget", "month=0.5", "month@cwd:/home/dev/blog=100")
        self.assertEqual(status, 1 if "is spent" in out else 0)
        self.assertEqual(self.run_command("budget", "year=3")[0], 2)
        self.assertEqual(self.run_command("budget")[:2], (1, ""))
