"""A target that remembers what it was sent, and does what a test wants."""

from collections.abc import Awaitable, Callable
from typing import Any

from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch
from ccsproxy.ship.target import BatchReceipt, Rejected, ShipError, Unavailable

Moment = Callable[[str, Any], ShipError | None]


async def at_once(work: Callable[[], Any]) -> Any:
    """Do in this thread, now, what is meant for another."""
    return work()


class FakeTarget:
    """Takes batches by their tokens, once each, as every target has to.

    :ivar faults: what goes wrong in the next calls of `send`, each an exception or null.
    :ivar lost: batches that are taken while their acknowledgement is lost, counted down.
    :ivar poison: numbers of records that it will never take.
    :ivar taken: numbers of the records, in their order, each batch once.
    :ivar asked: every call, by name.
    """

    def __init__(self, whole: bool = False, limits: BatchLimits = BatchLimits(rows=4, linger=1.0)) -> None:  # noqa: B008
        self.whole_segments, self.limits = whole, limits
        self.faults: list[ShipError | None] = []
        self.lost = 0
        self.poison: set[int] = set()
        self.taken: list[Any] = []
        self.tokens: list[str] = []
        self.asked: list[str] = []
        self.wait: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        self.asked.append("open")

    async def send(self, batch: Batch) -> BatchReceipt:
        self.asked.append(f"send {batch.token}")
        if self.wait is not None:
            await self.wait()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        numbers = [line.head.seq for line in batch.lines] if isinstance(batch, LineBatch) else [batch.segment]
        if self.poison & set(numbers):
            raise Rejected("it answered 400")
        if batch.token not in self.tokens:
            self.tokens.append(batch.token)
            self.taken += numbers
        if self.lost:
            self.lost -= 1
            raise Unavailable("the connection broke off")
        return BatchReceipt()

    async def delete(self, session_id: str) -> None:
        fault = self.faults.pop(0) if self.faults else None
        self.asked.append(f"delete {session_id}")
        if fault is not None:
            raise fault

    async def close(self) -> None:
        self.asked.append("close")
