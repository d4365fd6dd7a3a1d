"""The pump of one target: takes the next batch, sends it, moves the position, and repeats.

One batch is in progress at a time. It is planned in the durable state before it is sent, so that after a crash the
same records are sent under the same name; the position moves when the target has confirmed them.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import attr
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.delivery.batch import Batch, LineBatch
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.source import RecordSource, TailMoved
from ccsproxy.ship.patience import PatientWork
from ccsproxy.ship.status import Status
from ccsproxy.ship.target import Rejected, Target, Unavailable
from ccsproxy.store.state.shipments import DONE, Position, Shipment
from ccsproxy.store.summary import milliseconds

#: Seconds between two polls without a hint.
POLL = 2.0
#: Seconds for which an unacknowledged batch may still arrive: servers keep processing after the client has gone.
DOUBT = 130.0
#: If this many records in a row are rejected and none accepted, the fault is not in the records.
REFUSED_IN_A_ROW = 20


class Pump(PatientWork):
    """Ships to one target until it is stopped.

    States: starting, ok (sending, or idle), waiting (after a failure), stopped. Any failure, of the target or of this
    disk, leads to waiting and a retry; nothing is skipped.

    Invariant: a batch is sent only after it was planned, and the position moves only when all of it is accepted or
    permanently rejected. Deletions are requested while no batch is in progress; one that might be overtaken by a
    batch whose acknowledgement was lost is repeated after it.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        name: str,
        target: Target,
        source: RecordSource,
        ledger: Ledger,
        content: bool = True,
        in_thread: Callable[..., Awaitable[Any]] = deferToThread,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
        patience: int | None = None,
    ) -> None:
        """Configure the pump; `run` starts it.

        :param in_thread: runs a blocking call.
        :param patience: number of failures in a row after which it gives up; null for never.
        :param clock: seconds since the epoch.
        """
        super().__init__(reactor, Status(target=name), backoff or Backoff(), patience)
        self._name, self._target = name, target
        self._source, self._ledger, self._content = source, ledger, content
        self._in_thread, self._clock = in_thread, clock
        self._shipment = Shipment(name)
        self._refused_in_a_row = 0
        self._durable = Position()
        self._oldest: float | None = None
        self._doubt_until = 0.0
        self._deleted_in_doubt: set[str] = set()

    async def run(self, begin: Position | None = None, until: str | None = None) -> None:
        """Ship until `stop`, or until everything up to a segment has been shipped.

        :param begin: the start position for a target that was never shipped to; null for what is written from now on.
        :param until: the last segment to ship, null to continue for ever.
        """
        try:
            await self._patiently(lambda: self._begin(begin))
            await self._patiently(self._target.open)
            while not self._stopping:
                self._news = False
                # Null for both "nothing to do" and "gave up": either way nothing is in progress, and the loop may
                # check whether to end.
                full = await self._patiently(lambda: self._step(until or ""))
                if full is None and (until is not None or self._ending):
                    return
                if not full and not self._ending and until is None:
                    await self._rest(POLL if full is None else self._target.limits.linger, wakes=full is None)
        finally:
            self.status.state = "stopped"
            await self._target.close()

    async def report(self) -> Status:
        """Return the current status of the target."""
        status, position = self.status, self._shipment.position
        try:
            status.lag_bytes, since = await self._in_thread(lambda: self._source.lag(position))
        except OSError:
            status.lag_bytes, since = None, None
        oldest = since if self._target.whole_segments else await self._oldest_waiting()
        status.lag_s = 0.0 if oldest is None else round(max(self._clock() - oldest, 0.0), 3)
        status.segment = position.segment
        status.offset = -1 if position.offset == DONE else position.offset
        return status

    async def _oldest_waiting(self) -> float | None:
        """Return when the oldest waiting record ended, null if none is waiting.

        A target that was down from the beginning has never been given a batch that would tell.
        """
        if self.status.lag_bytes == 0:
            # The last batch was taken a moment ago, and nothing has followed.
            return None
        if self._oldest is None and self.status.lag_bytes and self.status.trouble:
            position = self._shipment.position
            try:
                found = _seconds(await self._in_thread(lambda: self._source.oldest(position)))
            except OSError:
                return None
            if position == self._shipment.position and self.status.trouble:
                self._oldest = found
        return self._oldest

    async def _begin(self, begin: Position | None) -> None:
        """Determine the target's position, and verify that what precedes it is what was shipped."""
        known = await self._in_thread(lambda: self._ledger.get(self._name))
        if known is None:
            place = begin if begin is not None else await self._in_thread(self._source.end)
            known = await self._in_thread(lambda: self._ledger.begin(self._name, place))
        self._take(known)

    def _take(self, shipment: Shipment) -> None:
        self._shipment, self._durable = shipment, shipment.position
        self.status.sent, self.status.refused = shipment.sent, shipment.refused
        self.status.missed = shipment.missed

    async def _step(self, until: str) -> bool | None:
        """Do the next step.

        :return: whether there is probably more to do at once; null if there was nothing to do.
        """
        # Before the next batch: a removed session must not grow at the target while it waits to be deleted there.
        await self._delete()
        shipment, limits, whole = self._shipment, self._target.limits, self._target.whole_segments
        try:
            batch = await self._in_thread(lambda: self._source.next(shipment, limits, self._content, whole, until))
        except TailMoved:
            await self._go_back(shipment.position.segment)
            return True
        if batch is None:
            self._oldest = None
            self._settle()
            return None
        await self._ship(batch)
        return not isinstance(batch, LineBatch) or batch.done or limits.nearly_filled_by(batch)

    async def _go_back(self, segment: str) -> None:
        self._log.warn(
            "{segment} was truncated and rewritten; it is sent to {target} again", segment=segment, target=self._name
        )
        await self._in_thread(lambda: self._ledger.return_to(self._name, Position(segment)))
        self._take(await self._in_thread(lambda: self._ledger.get(self._name)) or Shipment(self._name))

    async def _trouble(self, reason: str, retry_after: float | None = None) -> None:
        # The batch is read again from its start, perhaps in an hour: until then nothing of it stays in memory.
        await self._in_thread(self._source.release)
        await super()._trouble(reason, retry_after)

    async def _delete(self) -> None:
        sessions = await self._in_thread(lambda: self._ledger.deletions(self._name))
        self.status.deletions = len(sessions)
        for session in sessions:
            doubt = self._reactor.seconds() < self._doubt_until
            if not (doubt and session in self._deleted_in_doubt):
                await self._target.delete(session)
            if doubt:
                # Deleted for now, and again once nothing sent before can arrive any more.
                self._deleted_in_doubt.add(session)
                continue
            self._deleted_in_doubt.discard(session)
            await self._in_thread(lambda session=session: self._ledger.deleted(self._name, session))
            self.status.deletions -= 1

    async def _ship(self, batch: Batch) -> None:
        """Send a batch, and move the position after it."""
        sent = refused = 0
        if isinstance(batch, LineBatch):
            if not (batch.lines or batch.withheld or batch.done):
                # In memory only: after a crash the same range without records is skipped again.
                self._shipment = attr.evolve(self._shipment, position=batch.after)  # not worth a disk write
                return
            if batch.lines:
                self._oldest = _seconds(batch.ended_at)
                # Durable before the first byte is sent: a target that knows batches by name can then recognise a
                # repeat.
                await self._plan(batch)
                sent, refused = await self._divided(batch)
        elif not batch.withheld:
            sent, refused = await self._divided(batch)
        if batch.withheld:
            self._log.warn(
                "{count} records of {segment} are not shipped because their secrets were not removed",
                count=batch.withheld, segment=batch.segment,
            )  # fmt: skip
        refused += batch.withheld
        await self._in_thread(lambda: self._ledger.move(self._name, batch.after, sent, refused))
        self._take(await self._in_thread(lambda: self._ledger.get(self._name)) or self._shipment)
        self._settle()

    async def _plan(self, batch: LineBatch) -> None:
        """Store durably what is about to be sent, unless it is a repeat."""
        place = self._shipment.position
        if batch.segment != place.segment:
            place = Position(batch.segment)
        if (place, batch.end) != (self._durable, self._shipment.planned):
            await self._in_thread(lambda: self._ledger.plan(self._name, place, batch.end))
            self._take(attr.evolve(self._shipment, position=place, planned=batch.end))

    async def _divided(self, batch: Batch) -> tuple[int, int]:
        """Send a batch; if it is rejected, send its halves, down to the offending record.

        :return: how many records were accepted, and how many were rejected.
        """
        try:
            receipt = await self._target.send(batch)
        except Unavailable:
            self._doubt_until = self._reactor.seconds() + DOUBT
            raise
        except Rejected as reason:
            if isinstance(batch, LineBatch) and len(batch.lines) > 1:
                # One after the other: order is guaranteed, and the second half must not overtake a first one that is
                # retried.
                one, other = [await self._divided(half) for half in batch.halves()]
                return one[0] + other[0], one[1] + other[1]
            return 0, self._refused(batch, reason)
        self._refused_in_a_row = 0
        self._backoff.succeeded()
        records = len(batch.lines) if isinstance(batch, LineBatch) else batch.records
        return records - receipt.refused, receipt.refused

    def _refused(self, batch: Batch, reason: Rejected) -> int:
        """Note that a target permanently rejects something.

        :raises Unavailable: if it rejects everything, so that the fault must be elsewhere.
        """
        # A target with a wrong schema or login rejects everything: counting all records as rejected would discard
        # them.
        if self._refused_in_a_row >= REFUSED_IN_A_ROW:
            raise Unavailable(f"it rejects every record; the last reason: {reason}")
        self._refused_in_a_row += 1
        self._log.warn("{target} rejects {token}: {reason}", target=self._name, token=batch.token, reason=str(reason))
        return len(batch.lines) if isinstance(batch, LineBatch) else max(batch.records, 1)


def _seconds(when: str | None) -> float | None:
    try:
        return milliseconds(when) / 1000 if when else None
    except ValueError:
        return None
