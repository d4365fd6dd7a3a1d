"""A writer that is killed at any instant loses nothing that it has acknowledged."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.segments.files import Files
from test.store.records import stored_ids

#: How many kills; ``CCSPROXY_KILLS=200`` for the long run.
KILLS = int(os.environ.get("CCSPROXY_KILLS", "8"))

_ROOT = Path(__file__).parents[2]


class KillTests(SynchronousTestCase):
    """kill -9, again and again, on one data dir."""

    def run_and_kill(self, data_dir: Path, seconds: float) -> tuple[int, set[str]]:
        """Let a writer work for a moment, kill it, and return where it began and what it acknowledged."""
        command = [sys.executable, "-m", "test.integration.store_writer", str(data_dir)]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT, env=environment) as child:
            assert child.stdout is not None
            ready = child.stdout.readline().split()
            time.sleep(seconds)
            child.kill()
            said = child.stdout.read().decode().split("\n")[:-1]
        return int(ready[1]), {f"id{number}" for number in said}

    def test_no_acknowledged_record_is_lost(self) -> None:
        """Every acknowledged record is there once and readable, and no number is given twice."""
        data_dir = Path(self.mktemp()).absolute()
        dice = random.Random()
        acknowledged: set[str] = set()
        for _ in range(KILLS):
            began, said = self.run_and_kill(data_dir, dice.uniform(0.0, 0.12))
            self.assertFalse(said & acknowledged)
            self.assertTrue(all(int(name[2:]) > began for name in said))
            acknowledged |= said
        result = recover(Files(), data_dir, (), time.time())
        ids = stored_ids(data_dir)
        self.assertEqual(result.problems, [])
        self.assertGreater(len(acknowledged), KILLS)
        self.assertLessEqual(acknowledged, set(ids))
        self.assertEqual(set(ids.values()), {1})
        again = recover(Files(), data_dir, (), time.time())
        self.assertEqual((again.sealed, again.torn, again.tidied, again.damaged), (0, 0, 0, 0))
