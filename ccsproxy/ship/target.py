"""The seam between shipping and a target: what a new kind of target has to offer, and how it says what went wrong.

A target is an object with `Target`'s methods, made by a row in `ccsproxy.ship.registry`. It is called by one pump,
one call at a time, and keeps no position: the pump calls `send` again with the same batch, perhaps in another
process, until it returns, so a target makes repeats harmless by the batch's token or the records' ids.
"""

from typing import Any, Protocol

import attr

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import Batch, BatchLimits


class ShipError(Exception):
    """A target did not take something; the message is one sentence without secrets and without content."""


class Unavailable(ShipError):
    """It may take it later: unreachable, overloaded, or not set up right. The same batch is sent again.

    :ivar retry_after: seconds that it asks to be left alone, null when it says nothing.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(ShipError):
    """It will never take this batch as it is; some other part of it may be welcome."""


@attr.frozen
class BatchReceipt:
    """What became of a batch that was taken.

    :ivar refused: rows of it that the target did not take, each logged by the target.
    """

    refused: int = 0


@attr.frozen
class TargetContext:
    """What a target is made with.

    :ivar reactor: the one of the process.
    :ivar address: where it is.
    :ivar content: whether what was said is shipped; the lines of a batch heed it already.
    :ivar host: the label of this machine, for what names its records.
    :ivar data_dir: where segments are, as text.
    """

    reactor: Any
    address: ShipAddress
    credentials: Credentials
    host: str
    data_dir: str
    content: bool = True


class Target(Protocol):
    """A target. Every method is called in the reactor's thread; what computes or blocks goes into threads.

    :ivar whole_segments: whether `send` gets closed segments, whole, instead of lines.
    :ivar limits: how much one batch holds.
    """

    whole_segments: bool
    limits: BatchLimits

    async def open(self) -> None:
        """Get ready: see that the target is there, and make there what is needed. Called before the first batch.

        :raises Unavailable: when it cannot be used yet; it is called again.
        """

    async def send(self, batch: Batch) -> BatchReceipt:
        """Have the target take a batch; return when it is safe there.

        :raises Unavailable: when it is to be sent again.
        :raises Rejected: when it never will be taken; the pump divides it to find the record that is to blame.
        """

    async def delete(self, session_id: str) -> None:
        """Have the target delete what it has of a session; return when a search there finds nothing of it.

        :raises Unavailable: when it is to be asked again.
        """

    async def close(self) -> None:
        """Let go of connections; never raises."""
