"""Tests of ``ccsproxy up``."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.leases import is_wanted
from ccsproxy.tools.agents import up

RUN = {"proxy": ["http://127.0.0.1:8787"], "api": ["http://127.0.0.1:8788"]}


class Started:
    """A background that starts nothing, and keeps what it was asked for."""

    def __init__(self, data_dir: Path, options: Any) -> None:
        self.told = [("options", tuple(options))]
        self.data_dir = data_dir
        UpTests.made = self

    def ensure(self) -> Any:
        self.told.append(("ensure", ()))
        return RUN

    def command(self, *, while_wanted: bool) -> list[str]:
        self.told.append(("command", (while_wanted,)))
        return ["serve"]

    def stop(self) -> None:
        self.told.append(("stop", ()))

    answering = ensure


class UpTests(SynchronousTestCase):
    """The service stays until it is told to go."""

    made: Any = None

    def call(self, *argv: str) -> str:
        """Run the command."""
        self.patch(up, "Background", Started)
        parser = argparse.ArgumentParser()
        up.add_arguments(parser)
        self.data_dir = Path(self.mktemp()).absolute()
        out = io.StringIO()
        args = parser.parse_args(["--data-dir", str(self.data_dir), *argv])
        self.assertEqual(up.run(args, out, io.StringIO()), 0)
        return out.getvalue()

    def test_it_stays(self) -> None:
        """Without an agent, too; where it is, is said, for programs as JSON; options go to the service."""
        said = self.call("--", "--capture", "metadata")
        self.assertIn("proxy: http://127.0.0.1:8787\ndashboard: http://127.0.0.1:8788\n", said)
        self.assertTrue(is_wanted(self.data_dir))
        self.assertEqual(self.made.told[0], ("options", ("--capture", "metadata")))
        self.assertEqual(json.loads(self.call("--json")), RUN)

    def test_systemd_runs_it(self) -> None:
        """In place of us: what runs is ended before the unit starts, so that the ports are free; it does not end by
        itself."""
        told: list[Any] = []

        class Unit:
            def __init__(self, path: Path) -> None: ...

            def start(self, command: list[str]) -> None:
                told.append((command, UpTests.made.told[-1]))

        self.patch(up, "UserUnit", Unit)
        self.call("--systemd")
        self.assertEqual(told, [(["serve"], ("stop", ()))])
        self.assertIn(("command", (False,)), self.made.told)
