"""``ccsproxy leaks``: secrets on their way out."""

from test.tools.answering import AnsweringCase


class LeaksTests(AnsweringCase):
    """What left."""

    def test_leaks(self) -> None:
        self.assertIn("stripe-key", self.said("leaks"))
        self.assertEqual(self.run_command("leaks", "--since", "2030-01-01")[0], 1)
