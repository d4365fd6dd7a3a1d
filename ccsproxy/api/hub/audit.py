"""Who looked at what, and when: one JSON line a request, in a file that only grows."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ccsproxy.errors import ConfigError
from ccsproxy.exchange.ids import iso_time


class AuditLog:
    """Appends lines; each is with the kernel when `note` returns, so that nobody looks unnoted.

    :raises ConfigError: when the file cannot be written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigError("--audit", f"{path} cannot be written: {error.strerror}") from None

    def note(self, person: str | None, method: str, target: str, role: str) -> None:
        """Note a request before it is answered.

        :param person: who asks; null for nobody that is known.
        :param target: path and query, as they came.
        :raises OSError: when the disk does not take it.
        """
        line = {"at": iso_time(self._clock()), "who": person, "role": role, "method": method, "target": target[:2000]}
        # One write a line: with O_APPEND the lines of several processes do not mix.
        os.write(self._file, msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """Close the file; nothing is noted afterwards."""
        os.close(self._file)
