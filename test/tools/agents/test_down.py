"""Tests of ``ccsproxy down``."""

import argparse
import io
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.leases import Lease
from ccsproxy.tools.agents import down


class DownTests(SynchronousTestCase):
    """The service ends, unless somebody uses it."""

    stops = True

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.stopped: list[Path] = []

        def background(data_dir: Path) -> Any:
            return type("B", (), {"stop": lambda this: self.stopped.append(data_dir) or self.stops})()

        self.patch(down, "Background", background)

    def call(self, *argv: str) -> tuple[int, str]:
        """Run the command; return status and complaints."""
        parser = argparse.ArgumentParser()
        down.add_arguments(parser)
        err = io.StringIO()
        args = parser.parse_args(["--data-dir", str(self.data_dir), *argv])
        return down.run(args, io.StringIO(), err), err.getvalue()

    def test_ended(self) -> None:
        """Status 0 when one ran, 1 when none did, with a sentence."""
        self.data_dir.mkdir()
        self.assertEqual(self.call(), (0, ""))
        self.stops = False
        status, complaint = self.call()
        self.assertEqual(status, 1)
        self.assertIn("no service runs", complaint)

    def test_while_agents_use_it(self) -> None:
        """Only by force: their next call would fail."""
        self.data_dir.mkdir()
        lease = Lease(self.data_dir)
        self.addCleanup(lease.close)
        status, complaint = self.call()
        self.assertEqual((status, self.stopped), (1, []))
        self.assertIn("1 agent still use it", complaint)
        self.assertEqual(self.call("--force")[0], 0)
        self.assertEqual(self.stopped, [self.data_dir])

    def test_no_data_dir(self) -> None:
        """None is made by asking."""
        self.assertEqual(self.call()[0], 1)
        self.assertFalse(self.data_dir.exists())
