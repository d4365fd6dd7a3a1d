"""The command itself: its commands, its mistakes, its help."""

import importlib
import io
import re
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.command_list import GROUPS
from ccsproxy.tools.main import COMMANDS, build_parser, main
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

    def said(self, *argv: str) -> str:
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        try:
            status = main(argv)
        except SystemExit as ended:
            status = ended.code
        self.assertIn(status, (1, 2))
        return err.getvalue()

    def test_what_may_be_meant(self) -> None:
        """A slip in an option, in a part of one, in a command, in one of the program's own options."""
        self.assertIn("did you mean --proxy-port or --api-port? see 'ccsproxy s", self.said("serve", "--prot", "1"))
        self.assertIn("did you mean --sort? see 'ccsproxy ls --help'", self.said("ls", "--srot", "cost"))
        self.assertIn("did you mean ls?", self.said("sl"))
        self.assertIn("did you mean --version?", self.said("--verson"))
        self.assertIn("after the command: ccsproxy ls --data-dir", self.said("--data-dir", "/tmp/x", "ls"))


class HelpTests(AnsweringCase):
    """Help."""

    def test_help_has_examples(self) -> None:
        for name in ("why", "cost", "diff", "prompts", "leaks", "budget", "top", "ls"):
            self.assertIn("examples:", build_parser().commands[name].format_help(), name)

    def test_whole(self) -> None:
        """Each command stands in the list once, with what it does, on lines of a terminal's width."""
        text = build_parser().format_help()
        for name in COMMANDS:
            self.assertEqual(len(re.findall(rf"^  {name}  ", text, re.MULTILINE)), 1, name)
        self.assertIn("usage: ccsproxy [-h] [--version] COMMAND ...", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_run(self) -> None:
        """The way to start any program is explained, too."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(main(["run", "--help"]), 0)
        self.assertIn("--label KEY=VALUE", out.getvalue())


class ImportTests(SynchronousTestCase):
    """What a command takes to start."""

    def test_names(self) -> None:
        """Each module calls itself what it is listed under."""
        parser = build_parser()
        self.assertEqual(list(parser.commands), list(COMMANDS))
        self.assertEqual(sorted(name for names in GROUPS.values() for name in names), sorted(COMMANDS))
        for name, module in COMMANDS.items():
            self.assertEqual(importlib.import_module(f"ccsproxy.tools.{module}").NAME, name)

    def test_others_are_not_imported(self) -> None:
        """A command that reads takes neither the other commands with it nor what only a service needs."""
        code = (
            "import sys; from ccsproxy.tools.main import build_parser; build_parser(['ls']);"
            "print(*(each for each in sys.modules if each in sys.argv[1:]))"
        )
        others = ("ccsproxy.tools.service.serve", "treq", "twisted.web.server", "cryptography", "re2")
        done = subprocess.run([sys.executable, "-c", code, *others], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("\n", ""))


class ClosedStreamTests(AnsweringCase):
    """Standard streams that whoever started the command has closed."""

    def test_they_are_as_if_nobody_listened(self) -> None:
        """No command fails for it, and no file of the store gets their numbers."""
        for closing in (">&-", "<&- >&- 2>&-"):
            command = f'exec "$0" -m ccsproxy.tools ls --data-dir "$1" {closing}'
            given = ["sh", "-c", command, sys.executable, str(self.dir)]
            done = subprocess.run(given, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), closing)


class InterruptedTests(SynchronousTestCase):
    """Ctrl-C before the command has begun."""

    def test_while_it_is_imported(self) -> None:
        """Status 130 and not a word, as at any other time."""

        def interrupted() -> int:
            raise KeyboardInterrupt

        self.patch(importlib.import_module("ccsproxy.tools.main"), "main", interrupted)
        self.assertEqual(importlib.import_module("ccsproxy.tools.__main__").main(), 130)
