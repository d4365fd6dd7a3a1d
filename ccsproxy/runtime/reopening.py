"""Reopens log files for programs that move them and send SIGHUP (logrotate and the like)."""

import gc
import os

from twisted.logger import Logger
from twisted.python.logfile import BaseLogFile

_log = Logger()


class LogFiles:
    """The files that this process logs to.

    `twistd` keeps its log file to itself, so it is looked for among all objects, once at the start: the collector
    shows what it has not been told to forget.
    """

    def __init__(self) -> None:
        self._files: list[BaseLogFile] = [each for each in gc.get_objects() if isinstance(each, BaseLogFile)]

    def reopen(self) -> None:
        """Open each file by its name again; one that cannot be opened is logged to as before."""
        for file in self._files:
            try:
                # A log file that is closed and cannot be opened again would fail every later message.
                os.close(os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
                file.reopen()
            except OSError as error:
                _log.error("the log file cannot be opened again: {error}", error=error)
