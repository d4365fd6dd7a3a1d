"""What the recorder tells the relay: one JSON object a line, acknowledgements of one turn on one line."""

from collections.abc import Callable
from typing import Any

from ccsproxy.capture.recorder.events import Event
from ccsproxy.wire import jsontext


class Report:
    """Collects what happens in a turn and writes it at its end."""

    def __init__(self, write: Callable[[bytes], None], later: Callable[[Callable[[], None]], object]) -> None:
        """Make one.

        :param write: takes whole lines.
        :param later: calls a callable when the turn is over.
        """
        self._write, self._later = write, later
        self._lines: list[bytes] = []
        self._stored: list[int] = []
        self._due = False

    def ready(self) -> None:
        """Say that the store is open."""
        self._line({"ready": True})

    def event(self, event: Event) -> None:
        """Hand on a live event."""
        self._line({"event": event})

    def stored(self, number: int) -> None:
        """Say that an exchange is stored."""
        self._stored.append(number)
        self._wake()

    def dropped(self, number: int, reason: str) -> None:
        """Say that an exchange is not going to be stored."""
        self._line({"dropped": [number, reason]})

    def consumed(self, offset: int) -> None:
        """Say that the spilled batch that began there has been taken."""
        self._line({"consumed": offset})

    def health(self, health: dict[str, Any]) -> None:
        """Tell how the store is."""
        self._line({"health": health})

    def closed(self) -> None:
        """Say that everything is stored and the store is closed."""
        self._line({"closed": True})
        self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        self._due = False
        if self._stored:
            self._lines.append(jsontext.dumps({"stored": self._stored}))
            self._stored = []
        if self._lines:
            lines, self._lines = self._lines, []
            self._write(b"\n".join([*lines, b""]))

    def _line(self, value: dict[str, Any]) -> None:
        self._lines.append(jsontext.dumps(value))
        self._wake()

    def _wake(self) -> None:
        if not self._due:
            self._due = True
            self._later(self.flush)
