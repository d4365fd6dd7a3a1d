"""Tests of what ``ccsproxy`` says without arguments, and to words that it does not know."""

import io
from contextlib import redirect_stderr

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.registry import BY_NAME
from ccsproxy.tools.agents.next_step import lines
from ccsproxy.tools.main import main


class NextStepTests(SynchronousTestCase):
    """What to do next follows from what is there."""

    def test_nothing_there(self) -> None:
        said = "\n".join(lines([], None, recorded=False))
        self.assertIn("ccsproxy demo", said)
        self.assertNotIn("ccsproxy ls", said)

    def test_agents_records_and_a_service(self) -> None:
        run = {"proxy": ["http://127.0.0.1:8787"], "api": ["http://127.0.0.1:8788"]}
        said = "\n".join(lines([BY_NAME["claude"], BY_NAME["codex"]], run, recorded=True))
        for words in ("starts Claude Code", "starts Codex", "ccsproxy ls", "dashboard http://127.0.0.1:8788"):
            self.assertIn(words, said)
        self.assertNotIn("demo", said)


class MistakeTests(SynchronousTestCase):
    """One sentence that names what was probably meant; status 1 or 2."""

    def told(self, *argv: str) -> str:
        err = io.StringIO()
        with redirect_stderr(err):
            try:
                status = main(argv)
            except SystemExit as end:
                status = end.code
        self.assertIn(status, (1, 2))
        self.assertEqual(err.getvalue().count("\n"), 1)
        return err.getvalue()

    def test_commands(self) -> None:
        self.assertIn("did you mean claude?", self.told("cluade"))
        self.assertIn("did you mean ls?", self.told("lss"))
        self.assertIn("see 'ccsproxy --help'", self.told("xyzzy"))

    def test_options_before_an_agent(self) -> None:
        self.assertIn("did you mean --label?", self.told("--lable", "task=x", "claude"))
        self.assertIn("--data-dir, --via", self.told("--port", "1", "codex"))
        self.assertIn("did you mean --label?", self.told("run", "--lable", "x=y", "--", "true"))
        self.assertIn("did you mean --proxy-port or --api-port?", self.told("serve", "--port", "1"))
