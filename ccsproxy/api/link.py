"""The link from the relay to the API server: JSON lines over one end of a socket pair.

The first line contains the settings; then come events and health snapshots. The API server sends nothing, and exits
when the link ends. The relay never waits for it: what the link cannot accept is buffered up to a limit, then dropped
and counted.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.insight.metrics.tallies import Sample

#: How many lines are buffered while the API server does not read; about 1.5 seconds at a thousand requests a second.
KEPT = 4096
#: Maximum length of a line in bytes; settings and health with many upstreams are far shorter.
LONGEST_LINE = 1 << 24


class ApiListener(msgspec.Struct, frozen=True):
    """A listening socket that the API server inherits.

    :ivar descriptor: its descriptor in the API server.
    :ivar family: the address family, as numbered by `socket`.
    """

    descriptor: int
    family: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the API server.

    :ivar run: identifies this run in the ids of live events.
    :ivar started: when the program started, seconds since the epoch.
    :ivar facts: members of the health response that do not change.
    :ivar ports: the TCP ports it listens on.
    :ivar names: additional accepted host names.
    :ivar any_address: some listener is bound to every interface.
    :ivar same_user: this user's programs need no token.
    :ivar replay: recorded calls may be sent again.
    """

    data_dir: str
    run: str
    started: float
    facts: dict[str, Any]
    upstreams: dict[str, str]
    listeners: list[ApiListener]
    ports: list[int] = []
    names: list[str] = []
    any_address: bool = False
    cors_allow: str | None = None
    token: str | None = None
    same_user: bool = False
    replay: bool = False

    def __repr__(self) -> str:
        return f"<Settings of run {self.run}>"


class RelayMessages(Protocol):
    """What the API server does with the messages of the relay."""

    def settings(self, settings: Settings) -> None:
        """Start serving with these settings; they come first and once."""

    def event(self, event: dict[str, Any]) -> None:
        """Handle one event that the relay process forwards."""

    def health(self, snapshot: Mapping[str, Any]) -> None:
        """Handle a health snapshot."""

    def metrics(self, samples: list[Sample]) -> None:
        """Handle changed samples of the metrics made from calls, each with its current value."""

    def lost(self, count: int) -> None:
        """Note that events were dropped on the way."""

    def ended(self) -> None:
        """Note that the relay is gone."""


@implementer(IPushProducer)
class RelayEnd(TwistedProtocol):
    """The relay's end: writes lines as fast as the API server reads them."""

    transport: Any

    def __init__(
        self, settings: Settings, kept: int = KEPT, gone: Callable[["RelayEnd"], None] = lambda end: None
    ) -> None:
        self._settings = settings
        self._room = kept
        self._gone = gone
        self._waiting: deque[bytes] = deque()
        self._lost = 0
        self._health: bytes | None = None
        self._metrics: dict[tuple[str, tuple[str, ...]], Sample] = {}
        self._paused = False

    def connectionMade(self) -> None:
        """Send the settings, and register for back-pressure."""
        self.transport.registerProducer(self, True)
        self._write(_line("settings", self._settings))

    def event(self, event: Mapping[str, Any]) -> None:
        """Send an event of the relay's bus to the API server."""
        if not self._paused:
            self._write(_line("event", event))
        # Once one is lost all later ones are, until the message that says so: a gap in the middle could not be
        # reported.
        elif len(self._waiting) < self._room and not self._lost:
            self._waiting.append(_line("event", event))
        else:
            self._lost += 1

    def health(self, snapshot: Mapping[str, Any]) -> None:
        """Send a snapshot; while the API server does not read, only the latest is kept."""
        if self._paused:
            self._health = _line("health", snapshot)
        else:
            self._write(_line("health", snapshot))

    def metrics(self, samples: Iterable[Sample]) -> None:
        """Send current samples of the metrics; while the API server does not read, only the latest are kept.

        Their number is that of the label sets, which is bounded where they are joined.
        """
        self._metrics.update({(each.family, each.labels): each for each in samples})
        if not self._paused and self._metrics:
            kept, self._metrics = self._metrics, {}
            self._write(_line("metrics", list(kept.values())))

    def close(self) -> None:
        """End the link and thereby the API server."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Stop sending: the other process has ended."""
        self._paused = True
        # Nothing is kept for a server that is gone: the next one starts with the state at that time.
        self._room = 0
        self._waiting.clear()
        self._gone(self)

    def pauseProducing(self) -> None:
        """Buffer lines: the API server does not read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Send what was buffered."""
        self._paused = False
        while self._waiting and not self._paused:
            self._write(self._waiting.popleft())
        # After the buffered lines: the count is of those that came later.
        if self._lost and not self._paused:
            lost, self._lost = self._lost, 0
            self._write(_line("lost", lost))
        if self._health is not None and not self._paused:
            health, self._health = self._health, None
            self._write(health)
        self.metrics(())

    def stopProducing(self) -> None:
        """Do nothing: the API server is gone, and `connectionLost` follows."""

    def _write(self, line: bytes) -> None:
        self.transport.write(line)


class ApiEnd(LineOnlyReceiver):
    """The API server's end: dispatches the relay's messages."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST_LINE

    def __init__(self, hearer: RelayMessages) -> None:
        self._hearer = hearer

    def lineReceived(self, line: bytes) -> None:
        """Dispatch one line; an unknown kind is meant for a newer API server."""
        message = msgspec.json.decode(line)
        for kind, value in message.items():
            if kind == "settings":
                self._hearer.settings(msgspec.convert(value, Settings))
            elif kind == "event":
                self._hearer.event(value)
            elif kind == "health":
                self._hearer.health(value)
            elif kind == "metrics":
                self._hearer.metrics(msgspec.convert(value, list[Sample], str_keys=True))
            elif kind == "lost":
                self._hearer.lost(value)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Report that the relay is gone."""
        self._hearer.ended()


def _line(kind: str, value: Any) -> bytes:
    return msgspec.json.encode({kind: value}) + b"\n"
