"""``ccsproxy mock``: what it refuses at once; what it serves is tried in `test.integration.test_replay`."""

from ccsproxy.tools.agents.mock import _lines
from test.tools.commands import CommandCase


class MockTests(CommandCase):
    """Before a port is opened."""

    def test_refused(self) -> None:
        """Each in one sentence."""
        for words, wanted, sentence in (
            (("nobody",), 1, "no session"),
            ((self.name(self.records[0]), "--speed", "-1"), 2, "--speed takes 0 or more"),
            ((self.name(self.records[0]), "--port", "70000"), 2, "0 to 65535"),
        ):
            status, out, err = self.run_command("mock", *words)
            err = err.partition("The index is incomplete")[0]
            self.assertEqual((status, out, err.count("\n")), (wanted, "", 1))
            self.assertIn(sentence, err)

    def test_one_call(self) -> None:
        """A single call is said of as one."""
        what = {"calls": 1, "url": "http://127.0.0.1:1", "lacking": ["0f8e7d6c-1234/2"], "session": "0f8e7d6c-1234"}
        first, second, _ = _lines(what)
        self.assertTrue(first.startswith("1 recorded call answers at http://127.0.0.1:1 "), first)
        self.assertTrue(second.startswith("1 call cannot be replayed: "), second)
