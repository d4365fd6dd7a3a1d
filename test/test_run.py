"""Tests of run.json."""

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.run import NAME, read_run_file, remove_run_file, write_run_file


class RunFileTests(SynchronousTestCase):
    """What a running service says of itself."""

    def setUp(self) -> None:
        """Make a data directory."""
        self.dir = Path(self.mktemp())
        self.dir.mkdir()

    def test_is_private_and_whole(self) -> None:
        """Mode 0600 whatever the umask, no scraps beside it."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        write_run_file(self.dir, {"pid": os.getpid(), "proxy": ["http://127.0.0.1:1"]})
        self.assertEqual((self.dir / NAME).stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.dir), [NAME])
        self.assertEqual(read_run_file(self.dir)["proxy"], ["http://127.0.0.1:1"])

    def test_a_dead_service_is_none(self) -> None:
        """A file left by a process that is gone, or nonsense, says nothing."""
        for content in (json.dumps({"pid": 2**22 + 7}), "{}", "nonsense", "[]"):
            (self.dir / NAME).write_text(content)
            self.assertIsNone(read_run_file(self.dir), content)

    def test_only_ours_is_removed(self) -> None:
        """A file of another living process stays."""
        write_run_file(self.dir, {"pid": os.getppid()})
        remove_run_file(self.dir)
        self.assertTrue((self.dir / NAME).exists())
        write_run_file(self.dir, {"pid": os.getpid()})
        remove_run_file(self.dir)
        remove_run_file(self.dir)
        self.assertFalse((self.dir / NAME).exists())
