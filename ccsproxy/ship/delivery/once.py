"""A single run: ships what exists to one target, alongside a service that ships to it or without one."""

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

#: Number of failures in a row after which a run gives up; the next run does not send again what was shipped.
PATIENCE = 6


async def ship_once(reactor: Any, address: ShipAddress, settings: ShipSettings, since: float = 0.0) -> Status:
    """Ship everything that exists now.

    If the service ships to the same target, this run has its own position; otherwise the position is kept, so that
    the target receives deletions of sessions, and the next run continues from it.

    :param since: records that started earlier are skipped, seconds since the epoch.
    :return: the final status: the state is ``stopped``, ``trouble`` says why it gave up, empty if everything was
    shipped.
    :raises ConfigError: if the target cannot be used with its configuration.
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
