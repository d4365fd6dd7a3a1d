"""The process that ships: ``python -m ccsproxy.ship.process``, started and told what to do by the service.

It owns nothing but its connections: positions are in the data directory's state, records in its segments. It may be
stopped or killed at any moment; the next one continues from the confirmed positions.
"""

from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ccsproxy.config.shipping import ShipAddress, ship_address
from ccsproxy.errors import StartError
from ccsproxy.runtime.children.linked import run_linked
from ccsproxy.ship.credentials import read_credentials
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.link import ProcessEnd, ShipSettings
from ccsproxy.ship.registry import make_target
from ccsproxy.ship.status import Status
from ccsproxy.ship.target import TargetContext

#: Seconds between two status reports.
EACH = 1.0
#: Seconds at shutdown in which what is left is shipped, if the targets accept it.
FINISH_WITHIN = 3.0


class ShipProcess:
    """Executes the service's messages (see `ccsproxy.ship.link.ShipHearer`)."""

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pumps: list[Pump] = []
        self._broken: list[Status] = []
        self._running = 0
        self._finishing = False
        self._reports = LoopingCall(lambda: ensureDeferred(self._report()))
        self._reports.clock = reactor
        self.end = ProcessEnd(self)

    def settings(self, settings: ShipSettings) -> None:
        """Start shipping to every target."""
        ledger = Ledger(Path(settings.data_dir))
        for text in settings.targets:
            address = ship_address(text)
            try:
                pump = make_pump(self._reactor, address, settings, ledger)
            except StartError as error:  # the other targets are shipped to
                # Reported with the others: a target that never started must not look like an idle one.
                self._broken.append(Status(target=address.name, state="waiting", trouble=str(error)))
                self._log.error("{target}: {error}", target=address.name, error=error)
                continue
            self._pumps.append(pump)
            self._running += 1
            ensureDeferred(pump.run()).addErrback(self._failed).addBoth(self._pump_ended)
        self._reports.start(EACH, now=True)

    def news(self) -> None:
        """Wake the pumps of all targets."""
        for pump in self._pumps:
            pump.poke()

    def finish(self) -> None:
        """Ship what is left, for a moment, and exit."""
        self._finishing = True
        if not self._running:
            self._stop()
            return
        for pump in self._pumps:
            pump.finish()
        self._reactor.callLater(FINISH_WITHIN, self._stop)

    def ended(self) -> None:
        """Exit with the service."""
        self._stop()

    def _failed(self, failure: Any) -> None:
        self._log.failure("a pump ended", failure)

    def _pump_ended(self, _: Any) -> None:
        self._running -= 1
        if self._finishing and not self._running:
            self._stop()

    async def _report(self) -> None:
        try:
            self.end.tell([*self._broken, *[await pump.report() for pump in self._pumps]])
        except Exception:  # it is reported again in a second
            self._log.failure("the status of the targets could not be reported")

    def _stop(self) -> None:
        if self._reports.running:
            self._reports.stop()
        if self._reactor.running:
            self._reactor.stop()


def make_pump(reactor: Any, address: ShipAddress, settings: ShipSettings, ledger: Ledger) -> Pump:
    """Make the pump for a target.

    :raises ConfigError: if the target cannot be used with its configuration.
    """
    around = surroundings(reactor, address, settings)
    source = RecordSource(Path(settings.data_dir), settings.host)
    return Pump(reactor, address.name, make_target(around), source, ledger, around.content)


def surroundings(reactor: Any, address: ShipAddress, settings: ShipSettings) -> TargetContext:
    """Return the context for making a target.

    :raises ConfigError: if its credentials cannot be read.
    """
    content = address.options.get("content", settings.content) == "full"
    credentials = read_credentials(address, Path(settings.credentials))
    return TargetContext(reactor, address, credentials, settings.host, settings.data_dir, content)


def main() -> None:
    """Run until the link ends."""
    # A batch in progress is sent again after the next start.
    run_linked(lambda reactor: ShipProcess(reactor).end)


if __name__ == "__main__":
    main()
