"""Completion of commands, options and queries in three shells."""

import io

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.main import build_parser
from test.tools.answering import AnsweringCase


class CompletionTests(SynchronousTestCase):
    """Scripts."""

    def test_completion_knows_every_command(self) -> None:
        """The scripts name all commands and their options."""
        for shell in ("bash", "zsh", "fish"):
            out = io.StringIO()
            args = build_parser().parse_args(["completion", shell])
            self.assertEqual(args.command.run(args, out, io.StringIO()), 0)
            for word in ("serve", "tail", "import", "idle-timeout"):
                self.assertIn(word, out.getvalue(), shell)


class QueryTests(AnsweringCase):
    """Words of queries."""

    def test_completion_of_queries(self) -> None:
        self.assertIn("model:", self.said("completion", "words", "--begun=mo").split())
        self.assertEqual(self.said("completion", "words", "--begun=model:opus").split(), ["model:claude-opus-5-5"])
        self.assertIn("-client:codex", self.said("completion", "words", "--begun=-client:").split())
        self.assertIn("sort:-cost", self.said("completion", "words", "--begun=sort:-c").split())
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("completion words", self.said("completion", shell))
