"""Unrecorded exchanges of earlier runs: their journals are read, recorded, and removed."""

import contextlib
import time
from pathlib import Path

import attr
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from ccsproxy.capture.journal import Begun, read_file
from ccsproxy.capture.journal_places import JournalPlaces, sweep
from ccsproxy.capture.recorder.recorder import Recorder

#: No relay of this run has this number.
NOBODY = -1

_log = Logger()


@attr.define
class LeftBehind:
    """The exchanges in the journals of earlier runs.

    :ivar begun: each once, although it is in a journal and in its copy.
    :ivar paths: the files that have been read.
    """

    begun: list[Begun]
    paths: list[Path]

    @classmethod
    def find(cls, data_dir: str, run: str) -> "LeftBehind":
        """Read the journals; what cannot be read is left for a later start.

        :param run: the session of this run, whose journals are still being written.
        """
        begun: dict[str, Begun] = {}
        read: list[Path] = []
        try:
            places = JournalPlaces.of(Path(data_dir))
            paths = places.left_behind(run)
            if places.memory is not None:
                sweep(places.memory, time.time())
        except OSError as error:
            _log.error("the journals of earlier runs cannot be found: {error}", error=error)
            paths = []
        for path in paths:
            try:
                begun.update((each.id, each) for each in read_file(path))
                read.append(path)
            except OSError as error:
                _log.error("the journal {path} cannot be read: {error}", path=path, error=error)
        return cls(list(begun.values()), read)

    def record(self, recorder: Recorder) -> "Deferred[None]":
        """Make a record of each exchange without one, then remove the journals.

        :return: fires when that is done.
        """
        recorded = DeferredList([recorder.record_unclean(each, NOBODY) for each in self.begun])
        return recorded.addCallback(self._remove)

    def _remove(self, results: list[tuple[bool, bool]]) -> None:
        """Remove the journals, unless something in them has no record yet."""
        # All or none: if a journal is removed too early, an exchange is lost without a trace; reading it twice does
        # no harm.
        if all(done and recorded for done, recorded in results):
            for path in self.paths:
                with contextlib.suppress(OSError):
                    path.unlink()
