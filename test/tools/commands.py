"""Commands on a data dir with a dozen records, and a terminal."""

import io
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.main import build_parser
from test.store.corpus import Corpus, Segments


class Terminal(io.StringIO):
    """Text that a terminal reads."""

    def isatty(self) -> bool:
        return True


class CommandCase(SynchronousTestCase):
    """Runs commands on a data dir of its own."""

    def setUp(self) -> None:
        self.dir = Path(self.mktemp()).absolute()
        self.dir.mkdir(mode=0o700)
        self.segments = Segments(self.dir)
        self.records = self.segments.fill(12, Corpus())

    def run_command(self, *argv: str) -> tuple[int, str, str]:
        """Run a command and return status, output and complaints."""
        out, err = io.StringIO(), io.StringIO()
        args = build_parser(argv[:1]).parse_args([*argv, "--data-dir", str(self.dir)])
        return args.command.run(args, out, err), out.getvalue(), err.getvalue()

    def name(self, record: dict) -> str:
        """Return how a record is named on the command line."""
        return f"{record['session_id']}/{record['seq']}"
