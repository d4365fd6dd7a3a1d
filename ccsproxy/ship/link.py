"""What the service and the process that ships tell each other: JSON lines over a socket pair, either way.

The service sends the settings, then hints about new records, and finally the request to finish; the process sends the
status of the targets. Neither waits for the other: hints may be lost, and only the latest status matters.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.ship.status import Status

#: Maximum length of a line in bytes; the status of many targets is far shorter.
LONGEST_LINE = 1 << 20


class ShipSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the process; they contain no secrets, which it reads itself.

    :ivar targets: the values of ``--ship``.
    :ivar content: what is shipped if a target does not specify it, ``full`` or ``metadata``.
    :ivar host: the label of this machine.
    :ivar credentials: the file with the targets' credentials.
    """

    data_dir: str
    targets: list[str]
    content: str
    host: str
    credentials: str


class ShipHearer(Protocol):
    """What the process does with the messages of the service."""

    def settings(self, settings: ShipSettings) -> None:
        """Start shipping; called first and once."""

    def news(self) -> None:
        """There are new records."""

    def finish(self) -> None:
        """Ship what is left, and exit."""

    def ended(self) -> None:
        """The service is gone."""


@implementer(IPushProducer)
class ServiceEnd(LineOnlyReceiver):
    """The service's end.

    :param heard: called with each status report.
    """

    delimiter = b"\n"
    MAX_LENGTH = LONGEST_LINE
    transport: Any

    def __init__(self, settings: ShipSettings, heard: Callable[[list[Status]], None]) -> None:
        self._settings, self._heard = settings, heard
        self._paused = False

    def connectionMade(self) -> None:
        """Send the settings to the process."""
        self.transport.registerProducer(self, True)
        self.sendLine(msgspec.json.encode({"settings": self._settings}))

    def news(self) -> None:
        """Send a hint about new records; while the process does not read, it polls anyway."""
        if not self._paused:
            self.sendLine(b'{"news":true}')

    def finish(self) -> None:
        """Ask the process to ship what is left, and to exit."""
        self.sendLine(b'{"finish":true}')

    def close(self) -> None:
        """End the link, and thereby the process."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:
        """Pass on the status of the targets."""
        self._heard(msgspec.json.decode(line, type=list[Status]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop sending: the other process has ended."""
        self._paused = True

    def pauseProducing(self) -> None:
        """Pause: the process does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Resume: the process reads again, and gets the next hint."""
        self._paused = False

    def stopProducing(self) -> None:
        """Do nothing: the process is gone, and `connectionLost` follows."""


class ProcessEnd(LineOnlyReceiver):
    """The process's end: dispatches the service's messages."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST_LINE

    def __init__(self, hearer: ShipHearer) -> None:
        self._hearer = hearer

    def tell(self, states: list[Status]) -> None:
        """Send the status of the targets."""
        self.sendLine(msgspec.json.encode(states))

    def lineReceived(self, line: bytes) -> None:
        """Dispatch one line to whoever handles its kind."""
        message = msgspec.json.decode(line)
        if "settings" in message:
            self._hearer.settings(msgspec.convert(message["settings"], ShipSettings))
        elif "finish" in message:
            self._hearer.finish()
        elif "news" in message:
            self._hearer.news()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report that the service is gone."""
        self._hearer.ended()
