"""The pager: used where a terminal reads, and never in anyone's way."""

import io
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.records.pager import paged, pager_of


class Terminal(io.StringIO):
    """Text that a terminal reads."""

    def isatty(self) -> bool:
        return True


class PagerTests(SynchronousTestCase):
    """Which pager, and how it ends."""

    def test_choice(self) -> None:
        self.assertEqual(pager_of({"PAGER": ""}), [])
        self.assertEqual(pager_of({"PAGER": "cat"}), [])
        self.assertEqual(pager_of({"PAGER": "no-such-pager -x"}), [])
        self.assertEqual(pager_of({"PAGER": "no", "CCSPROXY_PAGER": "sh -c true"}), ["sh", "-c", "true"])

    def test_plain_stream(self) -> None:
        """Pipes and dumb terminals get the text itself."""
        out = io.StringIO()
        with paged(out, {"PAGER": "sh"}) as stream:
            self.assertIs(stream, out)
        terminal = Terminal()
        with paged(terminal, {"PAGER": "sh", "TERM": "dumb"}) as stream:
            self.assertIs(stream, terminal)

    def test_text_goes_to_the_pager(self) -> None:
        seen = Path(self.mktemp()).absolute()
        with paged(Terminal(), {"PAGER": f"tee {seen}", "TERM": "xterm"} | {"PATH": os.environ["PATH"]}) as stream:
            stream.write("hello\n")
        self.assertEqual(seen.read_text(), "hello\n")

    def test_a_reader_that_has_seen_enough(self) -> None:
        with paged(Terminal(), {"PAGER": "true", "TERM": "xterm"}) as stream:
            for _ in range(100_000):
                stream.write("x" * 80 + "\n")
