"""The log, journal and links that the main process makes for each relay process and passes to it and the recorder.

The main process keeps the descriptors open, so that the log of a dead worker is still there for a new recorder.
"""

import contextlib
import os
from pathlib import Path

import attr
from twisted.logger import Logger

from ccsproxy.capture import journal
from ccsproxy.capture.journal_places import JournalPlaces
from ccsproxy.capture.shared_log import SharedLog
from ccsproxy.capture.spill import open_nameless

_log = Logger()


@attr.define
class RelayFiles:
    """The descriptors of one relay process.

    :ivar relay: the number of the relay process.
    :ivar log: the shared log.
    :ivar journal: its journal.
    :ivar journal_copy: the copy in the data directory, None if there is none.
    :ivar spill: the spill file, None if there is none.
    :ivar paths: paths of the journal and of its copy.
    """

    relay: int
    log: int
    journal: int
    journal_copy: int | None
    spill: int | None
    paths: list[Path]

    @classmethod
    def make(cls, data_dir: Path, run: str, relay: int) -> "RelayFiles":
        """Create all files; log an error for what the data directory does not allow, and do without it.

        :param run: the session of this run.
        :raises OSError: if there is no memory.
        """
        log = SharedLog.make()
        made, copy, paths = None, None, []
        with contextlib.suppress(OSError):
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # The slow one first: a journal in memory only would be lost with the machine, and nobody would know.
            quick, slow = JournalPlaces.of(data_dir).paths(run, relay)
            copy = journal.make(slow, run)
            paths.append(slow)
            if quick is not None:
                made = journal.make(quick, run)
                paths.append(quick)
        except OSError as error:
            _log.error(
                "the journal cannot be written; a crash of this machine may lose exchanges: {error}",
                error=error,
            )
        return cls(relay, log, journal.make(None, run) if made is None else made, copy, _spill(data_dir), paths)

    def inherited(self, first: int) -> dict[int, int]:
        """Return which of our descriptors a child process inherits under which numbers.

        :param first: the first number.
        """
        return {first + place: one for place, one in enumerate(self.all())}

    def all(self) -> list[int]:
        """Return the existing descriptors, in the order of the fields."""
        return [each for each in (self.log, self.journal, self.journal_copy, self.spill) if each is not None]

    def close(self) -> None:
        """Close the descriptors of all files."""
        for each in self.all():
            os.close(each)

    def remove_journals(self) -> None:
        """Remove the journal's files: everything in it is settled."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.unlink()


def _spill(data_dir: Path) -> int | None:
    try:
        return open_nameless(data_dir)
    except OSError as error:
        _log.error("no spill file, so bodies are lost if the recorder falls behind: {error}", error=error)
        return None
