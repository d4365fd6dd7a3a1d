"""The interface between shipping and a target: what a new kind of target has to offer, and how it reports failures.

A target is an object with `Target`'s methods, made from a row in `ccsproxy.ship.registry`. It is called by one pump,
one call at a time, and stores no position: the pump calls `send` again with the same batch, perhaps in another
process, until it returns, so a target must make repeats harmless, by the batch's token or the records' ids.
"""

from typing import Any, Protocol

import attr

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import Batch, BatchLimits


class ShipError(Exception):
    """A target did not accept something; the message is one sentence without secrets and content."""


class Unavailable(ShipError):
    """It may accept it later: unreachable, overloaded, or misconfigured. The same batch is sent again.

    :ivar retry_after: the delay in seconds that it asks for, null if none.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(ShipError):
    """It will never accept this batch as it is; some other part of it may be accepted."""


@attr.frozen
class BatchReceipt:
    """The result for an accepted batch.

    :ivar refused: rows of it that the target rejected, each logged by the target.
    """

    refused: int = 0


@attr.frozen
class TargetContext:
    """What a target is made from.

    :ivar reactor: the one of the process.
    :ivar address: its address.
    :ivar content: whether content is shipped; the lines of a batch respect it already.
    :ivar host: the label of this machine, for naming its records.
    :ivar data_dir: the data directory, as text.
    """

    reactor: Any
    address: ShipAddress
    credentials: Credentials
    host: str
    data_dir: str
    content: bool = True


class Target(Protocol):
    """A target. Every method is called in the reactor's thread; computations and blocking calls go into threads.

    :ivar whole_segments: whether `send` gets complete closed segments instead of lines.
    :ivar limits: the maximum size of a batch.
    """

    whole_segments: bool
    limits: BatchLimits

    async def open(self) -> None:
        """Get ready: check that the target exists, and create there what is needed. Called before the first batch.

        :raises Unavailable: if it cannot be used yet; it is called again.
        """

    async def send(self, batch: Batch) -> BatchReceipt:
        """Send a batch; return when the target has stored it safely.

        :raises Unavailable: if it must be sent again.
        :raises Rejected: if it will never be accepted; the pump divides it to find the offending record.
        """

    async def delete(self, session_id: str) -> None:
        """Delete a session at the target; return when a search there finds nothing of it.

        :raises Unavailable: if it must be called again.
        """

    async def close(self) -> None:
        """Close connections; never raises."""
