"""A single run: what is there already goes to one target, beside a service that ships to it or without one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.link import ShipSettings
from ccsproxy.ship.process import surroundings
from ccsproxy.ship.registry import make_target
from ccsproxy.ship.status import Status
from ccsproxy.store.segments.lines import SegmentLines

#: Failures in a row after which a run gives up; what was shipped by then is not sent again by the next.
PATIENCE = 6


async def ship_once(reactor: Any, address: ShipAddress, settings: ShipSettings, since: float = 0.0) -> Status:
    """Ship what is there by now.

    Where the service ships to the same target this run has a position of its own; else the position stays, so that
    the target is told of sessions that are removed, and the next run goes on from it.

    :param since: records that began before are passed over, seconds since the epoch.
    :return: how it ended: the state is ``stopped``, ``trouble`` says why it gave up, empty when all is shipped.
    :raises ConfigError: when the target cannot be used as it is set up.
    """
    data_dir = Path(settings.data_dir)
    ledger = Ledger(data_dir)
    try:
        known = ledger.get(address.name)
        beside = known is not None and known.wanted
        name = f"{address.name} once" if beside else address.name
        around = surroundings(reactor, address, settings)
        source = RecordSource(data_dir, settings.host, _iso(since) if since else "")
        pump = Pump(reactor, name, make_target(around), source, ledger, around.content, patience=PATIENCE)
        begin = source.since(since)
        if known is not None and not beside and since:
            ledger.return_to(name, begin)
        names = SegmentLines(data_dir).names()
        await pump.run(begin, until=names[-1] if names else "")
        if beside and not pump.status.trouble:
            ledger.drop(name)
        elif not beside:
            ledger.rest(name)
        return pump.status
    finally:
        ledger.close()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
