"""Tests of ``ccsproxy status``."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.leases import Lease, stay_up
from ccsproxy.tools.agents import status as module

RUN = {"proxy": ["http://127.0.0.1:8787"], "api": [], "version": "1", "pid": 7}


class StatusTests(SynchronousTestCase):
    """Whether the service runs, where, for whom, and whether anything was lost."""

    def call(self, *argv: str, running: Any = None, health: Any = None) -> tuple[int, str]:
        """Run the command beside a service, or none."""
        self.patch(module, "Background", lambda data_dir: type("B", (), {"running": lambda self: running})())
        self.patch(module, "read_health", lambda found, data_dir: health or {})
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        out = io.StringIO()
        args = parser.parse_args(["--data-dir", str(self.data_dir), *argv])
        return module.run(args, out, io.StringIO()), out.getvalue()

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.data_dir.mkdir()

    def test_none(self) -> None:
        """Status 1, and the command that starts one."""
        status, said = self.call()
        self.assertEqual(status, 1)
        self.assertIn("ccsproxy up", said)
        self.assertEqual(self.call("--json"), (1, '{"running": false}\n'))

    def test_for_whom(self) -> None:
        """Until when it stays follows from who uses it."""
        self.assertIn("as it was started", self.call(running=RUN)[1])
        lease = Lease(self.data_dir)
        self.addCleanup(lease.close)
        self.assertIn("1 agents, stays until its last agent ends", self.call(running=RUN)[1])
        stay_up(self.data_dir, up=True)
        self.assertIn("until 'ccsproxy down'", self.call(running=RUN)[1])

    def test_losses(self) -> None:
        """Said aloud; a service whose health is not known says that, and an older one's lacks a member."""
        self.assertIn("its health is unknown", self.call(running=RUN)[1])
        counts = {"accepted": 5, "stored": 3, "in_flight": 0, "store": "ok"}
        self.assertIn("nothing was dropped", self.call(running=RUN, health=counts)[1])
        lost = self.call(running=RUN, health={"accepted": 5, "dropped": {"disk": 2}})
        self.assertEqual(lost[0], 0)
        self.assertIn("2 were dropped", lost[1])
        self.assertEqual(json.loads(self.call("--json", running=RUN, health=counts)[1])["health"], counts)
