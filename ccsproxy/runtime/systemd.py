"""Notifies systemd of our state: READY, STOPPING and WATCHDOG, as described in sd_notify(3)."""

import os
import socket
from collections.abc import Mapping

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall


class Notifier:
    """Sends to the service manager named by ``NOTIFY_SOCKET``; does nothing if there is none.

    :param environ: the environment to read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` from.
    """

    def __init__(self, reactor: IReactorTime, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._interval = _watchdog_interval(environ) if self._address else None
        self._watchdog = LoopingCall(self._send, "WATCHDOG=1")
        self._watchdog.clock = reactor

    def ready(self, status: str) -> None:
        """Report that the service is up, and start feeding the watchdog if one is armed."""
        self._send(f"READY=1\nSTATUS={status}")
        if self._interval is not None and not self._watchdog.running:
            self._watchdog.start(self._interval, now=True)

    def succeeded_by(self, pid: int) -> None:
        """Report that another process is the service's main process from now on."""
        self._send(f"MAINPID={pid}")
        self._address = ""

    def stopping(self) -> None:
        """Report that the service is stopping; the watchdog is fed until `close`."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Stop feeding the watchdog."""
        if self._watchdog.running:
            self._watchdog.stop()

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # systemd writes the zero byte of an abstract socket as "@", since an environment cannot contain it.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(message.encode(), address)
            except OSError:
                # The manager is gone or slow; the service must not suffer from it.
                return


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Return the seconds between two watchdog messages (half of what systemd allows), or None if none is required."""
    allowed = environ.get("WATCHDOG_USEC", "")
    if not allowed.isdigit() or int(allowed) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed) / 2e6
