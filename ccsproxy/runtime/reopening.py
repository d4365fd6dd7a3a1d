"""Reopens log files for programs that move them and send SIGHUP (logrotate and the like)."""

import gc
import os

from twisted.logger import Logger
from twisted.python.logfile import BaseLogFile

_log = Logger()


class LogFiles:
    """The files that this process logs to.

    `twistd` does not expose its log file, so it is found among all objects, once at the start, before `freeze_gc`
    hides them.
    """

    def __init__(self) -> None:
        self._files: list[BaseLogFile] = [each for each in gc.get_objects() if isinstance(each, BaseLogFile)]

    def reopen(self) -> None:
        """Reopen each file by its name; one that cannot be opened continues to be used."""
        for file in self._files:
            try:
                # A log file that is closed and cannot be reopened would fail every later message.
                os.close(os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
                file.reopen()
            except OSError as error:
                _log.error("the log file cannot be reopened, the old one stays in use: {error}", error=error)
