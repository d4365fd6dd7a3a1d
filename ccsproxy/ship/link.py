"""What the service and the process that ships tell each other: JSON lines over a socket pair, either way.

The service says the settings, then that there is news, at last that it ends; what comes back is how the targets
stand. Neither waits for the other: news is a hint, and of the states only the latest counts.
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

#: Bytes of the longest line; the states of many targets are far below it.
LONGEST_LINE = 1 << 20


class ShipSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the process has to know; secrets are not among it, it reads them itself.

    :ivar targets: where to ship to, as ``--ship`` names it.
    :ivar content: what is shipped where a target does not say it, ``full`` or ``metadata``.
    :ivar host: the label of this machine.
    :ivar credentials: the file of what targets ask for.
    """

    data_dir: str
    targets: list[str]
    content: str
    host: str
    credentials: str


class ShipHearer(Protocol):
    """What the process does with what it is told."""

    def settings(self, settings: ShipSettings) -> None:
        """Begin to ship; comes first and once."""

    def news(self) -> None:
        """Hear that there are new records."""

    def finish(self) -> None:
        """Ship what is left, and end."""

    def ended(self) -> None:
        """Hear that the service is gone."""


@implementer(IPushProducer)
class ServiceEnd(LineOnlyReceiver):
    """The service's end.

    :param heard: called with the states that come.
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
        """Say that there is news; while the process does not read, it will look by itself."""
        if not self._paused:
            self.sendLine(b'{"news":true}')

    def finish(self) -> None:
        """Ask it to ship what is left, and to end."""
        self.sendLine(b'{"finish":true}')

    def close(self) -> None:
        """End the link, and so the process."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:
        """Hand on how the targets stand."""
        self._heard(msgspec.json.decode(line, type=list[Status]))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Send nothing any more."""
        self._paused = True

    def pauseProducing(self) -> None:
        """Say nothing: the process does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The process reads on; the next word is said to it again."""
        self._paused = False

    def stopProducing(self) -> None:
        """Hear that the process is gone; `connectionLost` follows."""


class ProcessEnd(LineOnlyReceiver):
    """The process's end: hands on what it is told."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST_LINE

    def __init__(self, hearer: ShipHearer) -> None:
        self._hearer = hearer

    def tell(self, states: list[Status]) -> None:
        """Say how the targets stand."""
        self.sendLine(msgspec.json.encode(states))

    def lineReceived(self, line: bytes) -> None:
        """Hand on one line."""
        told = msgspec.json.decode(line)
        if "settings" in told:
            self._hearer.settings(msgspec.convert(told["settings"], ShipSettings))
        elif "finish" in told:
            self._hearer.finish()
        elif "news" in told:
            self._hearer.news()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hand on that the service is gone."""
        self._hearer.ended()
