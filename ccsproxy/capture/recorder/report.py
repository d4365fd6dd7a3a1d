"""The recorder's reports to the main process, and to each relay about its exchanges: one JSON object per line."""

from collections.abc import Callable
from typing import Any

import msgspec

from ccsproxy.capture.frames import RELAY_SHIFT
from ccsproxy.capture.recorder.events import Event
from ccsproxy.exchange.record import Record
from ccsproxy.insight.metrics.calls import tally
from ccsproxy.insight.metrics.tallies import Tallies
from ccsproxy.providers.cost import Cost
from ccsproxy.wire import jsontext

Later = Callable[[Callable[[], None]], object]


class MainReport:
    """Collects the messages of a turn for the main process, and writes them at its end."""

    def __init__(self, write: Callable[[bytes], None], later: Later) -> None:
        """Create the report.

        :param write: accepts complete lines.
        :param later: calls a callable when the turn is over.
        """
        self._write, self._later = write, later
        self._lines: list[bytes] = []
        self._due = False
        self._tallies = Tallies()

    def ready(self) -> None:
        """Report that the store is open."""
        self._line({"ready": True})

    def event(self, event: Event) -> None:
        """Hand on a live event."""
        self._line({"event": event})

    def health(self, health: dict[str, Any]) -> None:
        """Report the health of the store."""
        self._line({"health": health})

    def tally(self, record: Record, cost: Cost) -> None:
        """Add an ended exchange to the next message of `metrics`."""
        tally(self._tallies, record, cost)

    def metrics(self) -> None:
        """Report what was added to the metrics, if anything."""
        if changes := self._tallies.changes():
            self._line({"metrics": msgspec.to_builtins(changes, str_keys=True)})

    def departed(self, relay: int, announced: int) -> None:
        """Report that everything of a dead relay is settled.

        :param announced: how many exchanges its log contains.
        """
        self._line({"departed": [relay, announced]})

    def closed(self) -> None:
        """Report that everything is stored and the store is closed."""
        self.metrics()
        self._line({"closed": True})
        self.flush()

    def flush(self) -> None:
        """Write the collected messages."""
        self._due = False
        if self._lines:
            lines, self._lines = self._lines, []
            self._write(b"\n".join([*lines, b""]))

    def _line(self, value: dict[str, Any]) -> None:
        self._lines.append(jsontext.dumps(value))
        if not self._due:
            self._due = True
            self._later(self.flush)


class RelayReport:
    """Collects what became of one relay's exchanges, and writes it at the end of the turn.

    Invariant: a number is in at most one line.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        later: Later,
        taken: Callable[[], int],
        count_drop: Callable[[str], None],
    ) -> None:
        """Create the report.

        :param taken: returns the last region of the log that has been read completely.
        :param count_drop: counts a dropped exchange by its reason, in the relay's counters.
        """
        self._write, self._later, self._taken, self._count_drop = write, later, taken, count_drop
        self._stored: list[int] = []
        self._dropped: list[int] = []
        self._told = 0
        self._due = False

    def stored(self, number: int) -> None:
        """Report that an exchange is stored."""
        self._stored.append(number)
        self._wake()

    def dropped(self, number: int, reason: str) -> None:
        """Report that an exchange will not be stored."""
        self._count_drop(reason)
        self._dropped.append(number)
        self._wake()

    def progress(self) -> None:
        """Report what has been read, if the relay does not know it yet."""
        if self._taken() != self._told:
            self._wake()

    def flush(self) -> None:
        """Write the collected messages."""
        self._due = False
        line: dict[str, Any] = {"taken": self._taken()}
        self._told = line["taken"]
        if self._stored:
            line["stored"], self._stored = self._stored, []
        if self._dropped:
            line["dropped"], self._dropped = self._dropped, []
        self._write(jsontext.dumps(line) + b"\n")

    def _wake(self) -> None:
        if not self._due:
            self._due = True
            self._later(self.flush)


class Report:
    """Routes reports to the main process and the relays.

    :ivar main: to the main process.
    :ivar relays: by relay.
    """

    def __init__(self, main: MainReport) -> None:
        self.main = main
        self.relays: dict[int, RelayReport] = {}

    def event(self, event: Event) -> None:
        """Hand on a live event."""
        self.main.event(event)

    def tally(self, record: Record, cost: Cost) -> None:
        """Add an exchange that has ended to the metrics."""
        self.main.tally(record, cost)

    def stored(self, number: int) -> None:
        """Report that an exchange is stored."""
        if (relay := self.relays.get(number >> RELAY_SHIFT)) is not None:
            relay.stored(number)

    def dropped(self, number: int, reason: str) -> None:
        """Report that an exchange will not be stored."""
        if (relay := self.relays.get(number >> RELAY_SHIFT)) is not None:
            relay.dropped(number, reason)
