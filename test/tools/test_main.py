"""The command itself: its commands, its mistakes, its help."""

import io
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.main import build_parser, main
from test.tools.answering import AnsweringCase


class MainTests(SynchronousTestCase):
    """Wrong use."""

    def test_wrong_use_is_one_sentence(self) -> None:
        """Status 2, no usage dump."""
        for argv in (["nonsense"], ["ls", "--nonsense"], ["export", "x", "--format", "pdf"]):
            err = io.StringIO()
            self.patch(__import__("sys"), "stderr", err)
            self.assertEqual(self.assertRaises(SystemExit, main, argv).code, 2)
            self.assertEqual(err.getvalue().count("\n"), 1, err.getvalue())


class HelpTests(AnsweringCase):
    """Help."""

    def test_help_has_examples(self) -> None:
        for name in ("why", "cost", "diff", "prompts", "leaks", "budget", "top", "ls"):
            self.assertIn("examples:", build_parser().commands[name].format_help(), name)


class ClosedStreamTests(AnsweringCase):
    """Standard streams that whoever started the command has closed."""

    def test_they_are_as_if_nobody_listened(self) -> None:
        """No command fails for it, and no file of the store gets their numbers."""
        for closing in (">&-", "<&- >&- 2>&-"):
            command = f'exec "$0" -m ccsproxy.tools ls --data-dir "$1" {closing}'
            given = ["sh", "-c", command, sys.executable, str(self.dir)]
            done = subprocess.run(given, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), closing)
