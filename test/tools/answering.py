"""Commands on a data dir that holds a world whose truth is known."""

import io
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.main import build_parser
from test.insight.stored import copy_world
from test.insight.world import MAIN, make_world


class AnsweringCase(SynchronousTestCase):
    """Runs commands on the world, which is stored once."""

    made: Any = None

    def setUp(self) -> None:
        if AnsweringCase.made is None:
            directory = Path(self.mktemp()).absolute()
            world = make_world()
            copy_world(directory)
            AnsweringCase.made = directory, world
        self.dir, self.world = AnsweringCase.made
        self.joined = next(seq for kind, seq in self.world.truths[MAIN].marks if kind == "tools")

    def run_command(self, *argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        args = build_parser(argv[:1]).parse_args([*argv, "--data-dir", str(self.dir)])
        return args.command.run(args, out, err), out.getvalue(), err.getvalue()

    def said(self, *argv: str, status: int = 0) -> str:
        got, out, err = self.run_command(*argv)
        self.assertEqual((got, err), (status, ""), out)
        return out

    def answer(self, *argv: str) -> Any:
        return json.loads(self.said(*argv, "--json"))
