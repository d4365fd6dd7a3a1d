"""Shipping's part in the service: registers the targets before the first exchange, and keeps the process running."""

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from ccsproxy.config.model import Config
from ccsproxy.runtime.bus import Bus, Event
from ccsproxy.runtime.children.child import Child, Program
from ccsproxy.ship.credentials import read_credentials
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.link import ServiceEnd, ShipSettings
from ccsproxy.ship.registry import check
from ccsproxy.ship.status import Status
from ccsproxy.store.state.shipments import Shipments
from ccsproxy.store.state.state import NAME, State, StateError

#: How much lower the process's priority is than the relay's: everything else on the machine comes first.
NICE = 15
#: Seconds that the process gets to exit, including shipping what is left.
PATIENCE = 6.0
#: Minimum seconds between two hints about new records.
HINT_EVERY = 0.25
#: Seconds without a status report after which the process counts as not answering.
SILENT_AFTER = 15.0


class ShipService(Service):
    """Ships in a separate process, if targets are configured; otherwise does nothing.

    :param host: the label of this machine.
    """

    name = "ship"
    _log = Logger()

    def __init__(
        self, reactor: Any, config: Config, bus: Bus, host: str, make_child: Callable[..., Child] = Child
    ) -> None:
        self._reactor, self._config, self._bus, self._make_child = reactor, config, bus, make_child
        self._host = host
        self._child: Child | None = None
        self._end: ServiceEnd | None = None
        self._states: list[Status] = [Status(target=each.name) for each in config.ship]
        self._heard_at = reactor.seconds()
        self._hinted_at = 0.0
        self._unsubscribe: Callable[[], None] = lambda: None

    def bind(self) -> None:
        """Check that every target can be used, and store the start positions of new ones: here, before the first
        record.

        :raises ConfigError: if a target cannot be used with its configuration.
        :raises DataDirError: if positions cannot be stored.
        """
        for address in self._config.ship:
            check(address)
            read_credentials(address, self._config.credentials_path)
        if not self._config.ship and not (self._config.data_dir / NAME).is_file():
            return
        state = State(self._config.data_dir)
        try:
            self._register(Shipments(state))
        except StateError as error:
            if self._config.ship:
                raise
            self._log.warn("retention may wait for targets that are no longer shipped to: {error}", error=error)
        finally:
            state.close()

    def startService(self) -> None:
        """Start the process, if there is a target."""
        super().startService()
        if not self._config.ship:
            return
        program = Program("ccsproxy.ship.process", nice=NICE)
        self._child = self._make_child(self._reactor, program, self._linked, self._unlinked)
        self._child.start()
        self._unsubscribe = self._bus.subscribe(self._tell)

    def stopService(self) -> Deferred[None]:
        """Let the process ship what is left, for a moment.

        :return: fires when the process has exited.
        """
        super().stopService()
        self._unsubscribe()
        child, self._child = self._child, None
        if child is None:
            return succeed(None)
        ended = child.stop(PATIENCE)
        if self._end is not None:
            self._end.finish()
        return ended

    def health(self) -> dict[str, Any] | None:
        """Return the part of ``GET /api/health`` about shipping, in constant time; null if nothing is shipped."""
        if not self._config.ship:
            return None
        silent = self._reactor.seconds() - self._heard_at > SILENT_AFTER
        targets = [{**each.as_dict(), **({"state": "down"} if silent else {})} for each in self._states]
        well = all(each["state"] in ("ok", "starting") for each in targets)
        return {"state": "ok" if well else "degraded", "hold_bytes": self._config.ship_hold, "targets": targets}

    def _register(self, shipments: Shipments) -> None:
        names = [address.name for address in self._config.ship]
        if names:
            end = RecordSource(self._config.data_dir, self._host).end()
            for name in names:
                shipments.begin(name, end)
        shipments.want(names)

    def _linked(self, ours: socket.socket) -> None:
        config = self._config
        settings = ShipSettings(
            data_dir=os.path.abspath(config.data_dir),
            targets=[str(address) for address in config.ship],
            content=config.ship_content,
            host=self._host,
            credentials=os.path.abspath(config.credentials_path),
        )
        end = self._end = ServiceEnd(settings, self._heard)
        ours.setblocking(False)
        self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: end))
        ours.close()

    def _unlinked(self) -> None:
        self._end = None

    def _heard(self, states: list[Status]) -> None:
        self._states, self._heard_at = states, self._reactor.seconds()

    def _tell(self, event: Event) -> None:
        """Send a hint about a new record, at most a few times a second."""
        now = self._reactor.seconds()
        if self._end is None or event.get("type") != "request_completed" or now - self._hinted_at < HINT_EVERY:
            return
        self._hinted_at = now
        self._end.news()


def host_of(labels: Mapping[str, str]) -> str:
    """Return the label that identifies this machine in everything that is shipped."""
    return labels.get("host") or socket.gethostname()
