"""One relay process's side of capture, assembled: log, journal, spill file, taps, and the current link."""

import os
import socket
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture.disk import Disk, DiskThread
from ccsproxy.capture.journal import Journal
from ccsproxy.capture.relay.files import RelayFiles
from ccsproxy.capture.relay.link import RecorderLink
from ccsproxy.capture.relay.log_writer import LogWriter
from ccsproxy.capture.relay.spill import Spill, SpillBounds
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.shared_log import SharedLog

#: Maximum age in seconds of changes that the journal's copy on disk lacks.
COPY_TICK = 0.1
#: Seconds after which a failed write of the copy is retried.
COPY_RETRY = 1.0


class HandOver:
    """Takes copies for the lifetime of the relay, whether or not a recorder reads them.

    :ivar capture: what the relay calls.
    :ivar spill: the spill file.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        files: RelayFiles,
        key: bytes,
        memory: int = 8 << 20,
        bounds: SpillBounds | None = None,
        disk: Disk | None = None,
    ) -> None:
        """Set up the hand-over; the descriptors remain owned by the caller.

        :param key: of the spill file, 32 bytes.
        :param memory: bytes held in memory before regions are spilled.
        """
        self._reactor, self._files = reactor, files
        self._disk = disk or DiskThread(reactor)
        self._shared, self._journal = SharedLog(files.log), Journal(files.journal)
        spill = None if files.spill is None else os.dup(files.spill)
        self.spill = Spill(spill, key, self._disk, reactor.seconds, bounds)
        self.log = LogWriter(self._shared, self.spill, memory)
        self.capture = RelayCapture(files.relay, self._shared, self.log, self._journal, self._wake, hurry=self._hurry)
        self._link: RecorderLink | None = None
        self._copying: IDelayedCall | None = None
        self._busy = self._lags = self._closed = False
        if files.journal_copy is not None:
            self._journal.touched = self._copy_soon

    def link(self, sock: socket.socket) -> None:
        """Use a new link to a recorder.

        :param sock: our end of the link.
        """
        self.unlink()
        self._link = link = RecorderLink(self._reactor, sock, self.log, self.capture, self._unlinked)
        link.start()

    def unlink(self) -> None:
        """Process the last acknowledgements of a recorder that is gone."""
        if self._link is not None:
            self._link.drain()

    def close(self) -> None:
        """Stop; what is not settled stays in the log for as long as anybody has it open."""
        self._closed = True
        if self._link is not None:
            self._link.close()
        if self._copying is not None:
            self._copying.cancel()
            self._copying = None
        # Exchanges may still end after this, but the copy is no longer written.
        self._journal.touched = lambda: None
        self.spill.close()
        self._disk.stop()

    def _wake(self) -> None:
        if self._link is not None:
            self._link.wake()

    def _hurry(self) -> None:
        if self._link is not None:
            self._link.hurry()

    def _unlinked(self) -> None:
        self._link = None
        # What the dead recorder had taken is needed by the next one, so it may not be discarded any more.
        self.log.taken = 0

    def _copy_soon(self, seconds: float = COPY_TICK) -> None:
        if self._copying is None and not self._busy:
            self._copying = self._reactor.callLater(seconds, self._copy)

    def _copy(self) -> None:
        """Write what has changed; while the disk hangs, further changes collect in the journal."""
        self._copying = None
        changed = self._journal.changed()
        if not changed or self._files.journal_copy is None:
            return
        self._busy = True
        copied = self._disk.run(write_pages, self._files.journal_copy, changed)
        copied.addCallbacks(self._copied, self._not_copied, errbackArgs=([offset for offset, _ in changed],))

    def _copied(self, _: object) -> None:
        self._busy = self._lags = False
        if self._journal.dirty:
            self._copy_soon()

    def _not_copied(self, failure: Failure, offsets: list[int]) -> None:
        """Retry a failed write a little later."""
        self._busy = False
        if not self._lags:  # otherwise a full disk would fill the log ten times a second
            self._log.warn("the journal's copy lags: {why}", why=failure.getErrorMessage())
        self._lags = True
        self._journal.not_copied(offsets)
        if not self._closed:
            self._copy_soon(COPY_RETRY)


def write_pages(descriptor: int, pages: list[tuple[int, bytes]]) -> None:
    """Write pieces of a file at their offsets.

    :raises OSError: if one cannot be written.
    """
    for offset, data in pages:
        os.pwrite(descriptor, data, offset)
