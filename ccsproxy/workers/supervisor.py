"""Several relay processes behind the same ports (``--workers``): started, told what to do, listened to, stopped."""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture.relay.forward import WorkerReceiver
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.config.model import Config
from ccsproxy.runtime.child import LINK_FD, Child, Program

#: Seconds that a worker has to end beyond its time to drain.
PATIENCE = 5.0


class Listener(msgspec.Struct, frozen=True):
    """A listening socket that a worker inherits.

    :ivar descriptor: its number in the worker.
    :ivar upstream: the upstream that it is for, empty for all.
    """

    descriptor: int
    family: int
    upstream: str = ""


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line to a worker.

    :ivar config: what to relay, with `listeners`; the first line.
    :ivar drain: accept no more, let exchanges end within so many seconds, then end.
    :ivar cut: end every exchange now.
    :ivar reload: heed what of this configuration can change while running.
    """

    config: dict[str, Any] | None = None
    listeners: list[Listener] = []
    drain: float | None = None
    cut: bool = False
    reload: dict[str, Any] | None = None


def write_config(config: Config) -> dict[str, Any]:
    """Write a configuration as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(config, enc_hook=str)
    return plain


def read_config(plain: dict[str, Any]) -> Config:
    """Read a configuration back."""
    return msgspec.convert(plain, Config, dec_hook=lambda kind, value: Path(value))


class WorkerEnd(Protocol):
    """The main process's end of the link to one worker."""

    def __init__(self, receiver: WorkerReceiver, gone: Callable[[], None]) -> None:
        self._receiver, self._gone = receiver, gone

    def tell(self, orders: Orders) -> None:
        """Send a line of orders to the worker."""
        if self.transport is not None:
            self.transport.write(msgspec.json.encode(orders) + b"\n")

    def dataReceived(self, data: bytes) -> None:
        """Take copies of the worker's exchanges."""
        self._receiver.feed(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The worker has ended; what it had begun ends with it."""
        self._receiver.lost()
        self._gone()


class WorkerHandle:
    """One worker, kept running."""

    def __init__(
        self, reactor: Any, config: Config, ports: Sequence[tuple[Any, str]], relay_capture: RelayCapture
    ) -> None:
        self._reactor, self._config, self._capture = reactor, config, relay_capture
        self._listeners = [
            Listener(LINK_FD + 1 + number, int(port.addressFamily), upstream)
            for number, (port, upstream) in enumerate(ports)
        ]
        descriptors = {LINK_FD + 1 + number: port.fileno() for number, (port, _) in enumerate(ports)}
        self.child = Child(reactor, Program("ccsproxy.workers.worker", descriptors=descriptors), self._linked)
        self._end: WorkerEnd | None = None
        self._receiver = WorkerReceiver(relay_capture)

    @property
    def in_flight(self) -> int:
        """How many of its exchanges are under way."""
        return self._receiver.in_flight

    def tell(self, orders: Orders) -> None:
        """Tell it something, if it lives."""
        if self._end is not None:
            self._end.tell(orders)

    def reload(self, config: Config) -> None:
        """Tell it the configuration as it is now; a later successor is started with it."""
        self._config = config
        self.tell(Orders(reload=write_config(config)))

    def _linked(self, ours: socket.socket) -> None:
        self._receiver = WorkerReceiver(self._capture)
        end = self._end = WorkerEnd(self._receiver, self._unlinked)
        ours.setblocking(False)
        self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: end))
        ours.close()
        end.tell(Orders(config=write_config(self._config), listeners=self._listeners))

    def _unlinked(self) -> None:
        self._end = None


class Workers:
    """All workers of one service; the main process itself does not accept while they do."""

    _log = Logger()

    def __init__(
        self, reactor: Any, config: Config, ports: Sequence[tuple[IListeningPort, str]], relay_capture: RelayCapture
    ) -> None:
        """Describe them; nothing is started yet.

        :param ports: the listening ports, each with the name of the upstream it is for, empty for all.
        :param relay_capture: where their copies are reported.
        """
        for port, _ in ports:
            port.stopReading()  # type: ignore[attr-defined]
        self._workers = [WorkerHandle(reactor, config, ports, relay_capture) for _ in range(config.workers)]

    @property
    def in_flight(self) -> int:
        """How many exchanges are under way."""
        return sum(each.in_flight for each in self._workers)

    def start(self) -> None:
        """Start all worker processes."""
        for each in self._workers:
            each.child.start()

    def drain(self, within: float) -> "Deferred[Any]":
        """Let them end their exchanges, and end.

        :return: fires when all have ended.
        """
        stopped = [each.child.stop(within + PATIENCE) for each in self._workers]
        for each in self._workers:
            each.tell(Orders(drain=within))
        return DeferredList(stopped)

    def reload(self, config: Config) -> None:
        """Tell them what can change while they run."""
        for each in self._workers:
            each.reload(config)

    def cut(self) -> None:
        """End every exchange now."""
        for each in self._workers:
            each.tell(Orders(cut=True))
