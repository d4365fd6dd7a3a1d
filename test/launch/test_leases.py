"""Tests of who uses the background service."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.leases import Lease, folder_of, holders, is_wanted, stay_up


class LeaseTests(SynchronousTestCase):
    """A lease lives as long as its holder."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute() / "data"

    def test_held_and_given_up(self) -> None:
        """The data dir is made private; one holder is counted, and then none."""
        lease = Lease(self.data_dir)
        self.assertEqual(os.stat(self.data_dir).st_mode & 0o777, 0o700)
        self.assertEqual((holders(self.data_dir), is_wanted(self.data_dir)), (1, True))
        lease.close()
        self.assertEqual((holders(self.data_dir), is_wanted(self.data_dir)), (0, False))

    def test_a_killed_holder_holds_nothing(self) -> None:
        """kill -9 leaves a file and no lease; the file is swept up."""
        code = (
            "import sys, time; from pathlib import Path; from ccsproxy.launch.leases import Lease; "
            f"lease = Lease(Path({str(self.data_dir)!r})); print('held', flush=True); time.sleep(60)"
        )
        holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        self.assertEqual(holders(self.data_dir), 1)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        self.assertFalse(is_wanted(self.data_dir))
        self.assertEqual(list(folder_of(self.data_dir).glob("*.lease")), [])

    def test_up_stays_without_holders(self) -> None:
        """``up`` needs nobody, ``down`` takes it back, twice is once."""
        for _ in range(2):
            stay_up(self.data_dir, up=True)
        self.assertTrue(is_wanted(self.data_dir))
        for _ in range(2):
            stay_up(self.data_dir, up=False)
        self.assertFalse(is_wanted(self.data_dir))
