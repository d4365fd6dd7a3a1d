"""Tests of `ccsproxy.runtime.reopening`."""

import os
from pathlib import Path

from twisted.python.logfile import LogFile
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.reopening import LogFiles


class LogFilesTests(SynchronousTestCase):
    """A log that was moved away goes on under its name."""

    def test_moved_away(self) -> None:
        """What is logged after the reopening is in the new file."""
        path = Path(self.mktemp())
        log = LogFile.fromFullPath(str(path))
        self.addCleanup(log.close)
        files = LogFiles()
        log.write("before\n")
        path.rename(path.with_suffix(".1"))
        files.reopen()
        log.write("after\n")
        self.assertEqual(path.read_text(), "after\n")
        self.assertEqual(path.with_suffix(".1").read_text(), "before\n")

    def test_cannot_be_opened(self) -> None:
        """A log whose folder is gone is written to as before."""
        folder = Path(self.mktemp())
        folder.mkdir()
        log = LogFile.fromFullPath(str(folder / "log"))
        self.addCleanup(log.close)
        files = LogFiles()
        (folder / "log").rename(folder.with_suffix(".log"))
        os.rmdir(folder)
        files.reopen()
        log.write("still\n")
        self.assertEqual(folder.with_suffix(".log").read_text(), "still\n")
