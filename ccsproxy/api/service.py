"""The API server's part in the relay process: binds the ports, keeps the API's process running and tells it the
news."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attr
import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ccsproxy import __version__
from ccsproxy.api.exposure import Exposure, exposure_of
from ccsproxy.api.link import ApiListener, RelayEnd, Settings
from ccsproxy.api.token import TokenError, read_or_make, restore
from ccsproxy.config.model import Config
from ccsproxy.errors import BindError
from ccsproxy.exchange.ids import iso_time
from ccsproxy.insight.metrics.tallies import Sample, Tallies
from ccsproxy.runtime.bus import Bus, Event
from ccsproxy.runtime.children.child import LINK_FD, Child, Program
from ccsproxy.runtime.sockets.listening import Listeners, loopback, url_of
from ccsproxy.runtime.takeover import Inherited

#: Seconds between two health snapshots, and the minimum between a change and the snapshot that shows it.
EACH, SOON = 1.0, 0.1
#: How much lower the API server's priority is than the relay's; not so low that a page waits for everything else on
#: the machine.
NICE = 10
#: Seconds that the API server gets to exit.
PATIENCE = 5.0
#: Endpoint types whose sockets can be handed over: those that do not wrap what they accept.
HANDED_OVER = ("tcp", "tcp6", "unix", "systemd")


@attr.frozen
class RunFacts:
    """Identifies a run of the program.

    :ivar session_id: the run's id.
    :ivar started: when it started, seconds since the epoch.
    """

    session_id: str
    started: float


class ApiService(Service):
    """Runs the API in a separate process.

    The ports are bound here, so that a port in use is an error at startup. When the API server exits, the sockets
    remain and connections wait in them until the next one is up.

    :ivar urls: the URLs of the API, once it is bound.
    """

    name = "api"
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: Config,
        bus: Bus,
        run: RunFacts,
        health: Callable[[], Mapping[str, Any]],
        make_child: Callable[..., Child] = Child,
        listeners: Listeners | None = None,
    ) -> None:
        """Configure the service; nothing is bound or started yet.

        :param health: returns the members of `/api/health` that change, in constant time.
        :param listeners: opens the sockets.
        """
        self._listeners = listeners or Listeners(reactor, Inherited())
        self.urls: list[str] = []
        self._reactor, self._config, self._bus, self._run = reactor, config, bus, run
        self._health, self._make_child = health, make_child
        self._ports: list[IListeningPort] = []
        self._token: str | None = None
        self._child: Child | None = None
        self._end: RelayEnd | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._snapshots = LoopingCall(self._tell_health)
        self._snapshots.clock = reactor
        self._soon: Any = None
        self._tallies = Tallies()

    @property
    def child_pid(self) -> int | None:
        """The process id of the API server, None if none is running."""
        return self._child.pid if self._child is not None else None

    def bind(self) -> None:
        """Bind the ports; called by `startService` unless it was called before.

        :raises BindError: if a port cannot be listened on.
        :raises TokenError: if the token is needed and cannot be read or created.
        """
        if self._ports:
            return
        try:
            for endpoint in self._config.api_listen or (loopback(self._config.api_port),):
                self._ports.append(self._bind(endpoint))
            self._token = self._read_token()
        except Exception:
            self._release()
            raise
        self.urls = [url_of(port) for port in self._ports]

    def startService(self) -> None:
        """Start the process and send it events."""
        self.bind()
        super().startService()
        descriptors = {LINK_FD + 1 + number: port.fileno() for number, port in enumerate(self._ports)}  # type: ignore[attr-defined]
        program = Program("ccsproxy.api.process", descriptors=descriptors, nice=NICE)
        self._child = self._make_child(self._reactor, program, self._linked)
        self._child.start()
        self._unsubscribe = self._bus.subscribe(self._tell)
        self._snapshots.start(EACH, now=False)

    def stopService(self) -> Deferred[None]:
        """Stop the process.

        :return: fires when it has exited.
        """
        super().stopService()
        self._unsubscribe()
        if self._snapshots.running:
            self._snapshots.stop()
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        released = self._release()
        child, self._child = self._child, None
        ended = child.stop(PATIENCE) if child is not None else succeed(None)
        if self._end is not None:
            self._end.close()
        return gatherResults([released, ended]).addCallback(lambda _: None)

    def _bind(self, endpoint: str) -> IListeningPort:
        kind = endpoint.partition(":")[0]
        if kind not in HANDED_OVER:
            raise BindError(f"--api-listen: {endpoint!r} cannot be used; use a {', '.join(HANDED_OVER)} endpoint")
        port = self._listeners.listen(endpoint, Factory.forProtocol(Protocol), "--api-listen or --api-port")
        # Bound here, accepted there: otherwise both would accept connections from the same socket.
        port.stopReading()  # type: ignore[attr-defined]
        return port

    @property
    def _same_user(self) -> bool:
        """Whether callers are identified by their user, rather than by the token alone."""
        return not self._exposure.beyond_loopback and self._config.api_users == "same"

    def _read_token(self) -> str | None:
        """Return the token if it may be needed; otherwise only create the file in advance."""
        path = self._config.token_path
        needed = self._exposure.beyond_loopback
        try:
            token = read_or_make(path)
        except TokenError as error:
            if needed:
                raise
            self._log.warn("no API token: {error}", error=error)
            return None
        return token if needed or self._same_user else None

    def restore_token(self) -> None:
        """Write the token file again if it was removed with the data directory; the token stays valid.

        :raises OSError: if it cannot be written; likewise `TokenError`.
        """
        if self._token is not None:
            restore(self._config.token_path, self._token)
        else:
            self._token = self._read_token()

    @property
    def _exposure(self) -> Exposure:
        return exposure_of(port.getHost() for port in self._ports)

    def _release(self) -> Deferred[Any]:
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def _linked(self, ours: socket.socket) -> None:
        """Send a new process its settings."""
        end = self._end = RelayEnd(self._settings(), gone=self._unlinked)
        factory = Factory.forProtocol(lambda: end)
        ours.setblocking(False)
        self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        ours.close()
        self._tell_health()
        # A new process starts without sums; they are continued from here, so that no counter decreases.
        end.metrics(self._tallies.samples())

    def _unlinked(self, end: RelayEnd) -> None:
        if self._end is end:
            self._end = None

    def _settings(self) -> Settings:
        exposure = self._exposure
        return Settings(
            data_dir=os.path.abspath(self._config.data_dir),
            run=self._run.session_id,
            started=self._run.started,
            facts=_facts(self._config, self._run),
            upstreams={upstream.name: upstream.url for upstream in self._config.upstreams},
            listeners=_listeners(self._ports),
            ports=list(exposure.ports),
            names=[*exposure.names, *(name.lower() for name in self._config.allow_hosts)],
            any_address=exposure.any_address,
            cors_allow=self._config.cors_allow,
            token=self._token,
            same_user=self._same_user,
            replay=self._config.replay,
        )

    def _tell(self, event: Event) -> None:
        if self._end is not None:
            self._end.event(event)
        # A burst of events leads to one snapshot: a snapshot per event would cost more than the events.
        if self._soon is None or not self._soon.active():
            self._soon = self._reactor.callLater(SOON, self._tell_health)

    def metrics(self, changes: Any) -> None:
        """Add what calls have added to the metrics, as reported by the recorder.

        The sums are kept here, where they outlive both the recorder and the API server.
        """
        changed = self._tallies.join(msgspec.convert(changes, list[Sample], str_keys=True))
        if self._end is not None:
            self._end.metrics(changed)

    def _tell_health(self) -> None:
        if self._end is None:
            return
        try:
            self._end.health(self._health())
        except Exception:
            self._log.failure("the health snapshot could not be sent")


def _listeners(ports: Sequence[Any]) -> list[ApiListener]:
    return [ApiListener(LINK_FD + 1 + number, int(port.addressFamily)) for number, port in enumerate(ports)]


def _facts(config: Config, run: RunFacts) -> dict[str, Any]:
    return {
        "provider": config.provider,
        "upstream": config.upstreams[0].url if config.upstreams else None,
        "upstreams": {upstream.name: upstream.url for upstream in config.upstreams},
        "session_id": run.session_id,
        "started_at": iso_time(run.started),
        "pid": os.getpid(),
        "version": __version__,
        "redact": config.redact,
    }
