"""``ccsproxy mock``: what it refuses at once; what it serves is tried in `test.integration.test_replay`."""

from test.tools.commands import CommandCase


class MockTests(CommandCase):
    """Before a port is opened."""

    def test_refused(self) -> None:
        """Each in one sentence."""
        for words, sentence in (
            (("nobody",), "no session"),
            ((self.name(self.records[0]), "--speed", "-1"), "--speed takes 0 or more"),
            ((self.name(self.records[0]), "--port", "70000"), "0 to 65535"),
        ):
            status, out, err = self.run_command("mock", *words)
            self.assertEqual((status, out, err.count("\n")), (1, "", 1))
            self.assertIn(sentence, err)
