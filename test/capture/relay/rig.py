"""A relay's hand-over without a process: a real log, spill file and journal, a disk and a time of our own."""

import os
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import journal
from ccsproxy.capture.frames import Frame
from ccsproxy.capture.journal import Journal
from ccsproxy.capture.recorder.ingest.log_reader import LogReader
from ccsproxy.capture.relay.log_writer import LogWriter
from ccsproxy.capture.relay.spill import Spill, SpillBounds
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.shared_log import REGION, SLOTS, SharedLog
from ccsproxy.capture.spill import SpillCipher, open_nameless
from test.capture.fakes import NowDisk

KEY = b"k" * 32


class LogCase(SynchronousTestCase):
    """Both sides of one relay's log.

    :cvar memory: how many regions may be in memory before they are spilled.
    :cvar most: how many are when the file takes nothing.
    """

    memory, most = 4, SLOTS
    bounds = SpillBounds(reserve=0)
    with_file = True

    def setUp(self) -> None:
        self.disk, self.now, self.woken = NowDisk(), 100.0, 0
        directory = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, directory)
        self.spill_file = open_nameless(Path(directory)) if self.with_file else None
        self.log_file, self.journal_file = SharedLog.make(), journal.make(None, "run-1")
        self.shared = SharedLog(self.log_file)
        for descriptor in (self.spill_file, self.log_file, self.journal_file):
            if descriptor is not None:
                self.addCleanup(os.close, descriptor)
        self.addCleanup(self.shared.close)
        self.spill = Spill(self.spill_file, KEY, self.disk, lambda: self.now, self.bounds)
        self.log = LogWriter(self.shared, self.spill, self.memory * REGION, self.most * REGION)
        self.journal = Journal(self.journal_file)
        self.addCleanup(self.journal.close)
        self.capture = RelayCapture(
            1, self.shared, self.log, self.journal, self.wake, lambda: self.now, lambda: 1_700_000_000.25
        )

    def wake(self) -> None:
        self.woken += 1

    def reader(self) -> LogReader:
        """Make a recorder's reader, with a mapping of its own as in another process."""
        theirs = SharedLog(self.log_file)
        self.addCleanup(theirs.close)
        return LogReader(theirs, self.spill_file, SpillCipher(KEY))

    def frames(self, reader: LogReader | None = None) -> list[Frame]:
        """Read all that there is."""
        return list((reader or self.reader()).frames())

    def assert_counts(self) -> None:
        """Everything accepted is stored, dropped or in flight."""
        capture: Any = self.capture
        self.assertEqual(capture.accepted, capture.stored + capture.dropped.total() + capture.in_flight)
