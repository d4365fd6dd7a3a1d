"""Supervises several relay processes on the same ports (``--workers``): starts, instructs and stops them."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from ccsproxy.capture.relay.relays import KnownRelay
from ccsproxy.capture.relay.service import CaptureService
from ccsproxy.capture.relay.spill import SpillBounds
from ccsproxy.config.model import Config
from ccsproxy.runtime.children.child import LINK_FD, Child, Program
from ccsproxy.runtime.children.line_socket import LineSocket

#: What a worker sends when it accepts connections.
ACCEPTING = b"accepting"
#: How many seconds startup waits for workers to accept.
START_WITHIN = 20.0
#: Seconds that a worker gets to end, beyond its drain time.
PATIENCE = 5.0


class Listener(msgspec.Struct, frozen=True):
    """A listening socket that a worker inherits.

    :ivar descriptor: its descriptor in the worker.
    :ivar upstream: the upstream that it serves, empty for all.
    """

    descriptor: int
    family: int
    upstream: str = ""


class CaptureOrders(msgspec.Struct, frozen=True):
    """How a worker hands over its copies; sent with the descriptors named in `RelayFiles`, in that order.

    :ivar relay: the number of the worker's relay process.
    :ivar copied: whether there is a copy of the journal.
    :ivar spilling: whether there is a spill file.
    :ivar key: of the spill file.
    """

    relay: int
    copied: bool
    spilling: bool
    key: bytes
    spill_bounds: SpillBounds


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line sent to a worker.

    :ivar config: the configuration, with `listeners`; in the first line.
    :ivar capture: sent with the configuration, unless nothing is captured.
    :ivar link: a link to the recorder was sent with this line.
    :ivar drain: accept nothing more, let exchanges end within this many seconds, then exit.
    :ivar cut: end every exchange now.
    :ivar reload: apply the settings of this configuration that can change at run time.
    """

    config: dict[str, Any] | None = None
    listeners: list[Listener] = []
    capture: CaptureOrders | None = None
    link: bool = False
    drain: float | None = None
    cut: bool = False
    reload: dict[str, Any] | None = None


def write_config(config: Config) -> dict[str, Any]:
    """Convert a configuration to plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(config, enc_hook=str)
    return plain


def read_config(plain: dict[str, Any]) -> Config:
    """Convert plain values back to a configuration."""
    return msgspec.convert(plain, Config, dec_hook=lambda kind, value: Path(value))


class WorkerHandle:
    """One worker, kept running.

    Each of its processes gets its own log from the main process, and its own link to each recorder.
    """

    def __init__(
        self, reactor: Any, config: Config, ports: Sequence[tuple[Any, str]], capture: CaptureService
    ) -> None:
        self._reactor, self._config, self._capture = reactor, config, capture
        self._listeners = [
            Listener(LINK_FD + 1 + number, int(port.addressFamily), upstream)
            for number, (port, upstream) in enumerate(ports)
        ]
        descriptors = {LINK_FD + 1 + number: port.fileno() for number, (port, _) in enumerate(ports)}
        program = Program("ccsproxy.workers.worker", descriptors=descriptors)
        self.child = Child(reactor, program, self._linked, self._ended)
        self._end: LineSocket | None = None
        self._known: KnownRelay | None = None
        #: Fires when it accepts connections for the first time.
        self.accepting: Deferred[None] = Deferred()

    @property
    def in_flight(self) -> int:
        """How many of its exchanges have no record yet."""
        return self._known.in_flight if self._known is not None else 0

    def tell(self, orders: Orders, descriptors: Sequence[int] = ()) -> None:
        """Send it orders, if it lives."""
        if self._end is not None:
            self._end.send(msgspec.json.encode(orders) + b"\n", descriptors)

    def reload(self, config: Config) -> None:
        """Send it the current configuration; a later replacement is started with it."""
        self._config = config
        self.tell(Orders(reload=write_config(config)))

    def _linked(self, ours: socket.socket) -> None:
        self._end = end = LineSocket(self._reactor, ours, self._line_received, self._unlinked)
        end.start()
        known = self._known = self._capture.add_worker(self._link)
        config, listeners = write_config(self._config), self._listeners
        if known is None:
            self.tell(Orders(config=config, listeners=listeners))
            return
        files = known.files
        orders = CaptureOrders(
            files.relay,
            files.journal_copy is not None,
            files.spill is not None,
            self._capture.key,
            self._capture.spill_bounds,
        )
        # The worker first, then the recorder: a log attached without a link would be processed as that of a dead
        # relay.
        self.tell(Orders(config=config, listeners=listeners, capture=orders), files.all())
        self._capture.attach(known)

    def _line_received(self, line: bytes) -> None:
        """Handle the one message that a worker sends: that it accepts connections."""
        if line == ACCEPTING and not self.accepting.called:
            self.accepting.callback(None)

    def _link(self, sock: socket.socket) -> None:
        """Pass the worker its end of a link to a recorder."""
        self.tell(Orders(link=True), [sock.fileno()])
        sock.close()

    def _ended(self) -> None:
        if self._end is not None:
            self._end.close()
        if self._known is not None:
            known, self._known = self._known, None
            # It has relayed something, so it did not die from how it was started: it is restarted at once.
            if known.counts[0]:
                self.child.mark_healthy()
            self._capture.worker_died(known)

    def _unlinked(self) -> None:
        self._end = None


class Workers:
    """All workers of one service; the main process itself does not accept connections while they do."""

    _log = Logger()

    def __init__(
        self, reactor: Any, config: Config, ports: Sequence[tuple[IListeningPort, str]], capture: CaptureService
    ) -> None:
        """Configure the workers; none is started yet.

        :param ports: the listening ports, each with the name of the upstream it serves, empty for all.
        :param capture: creates their logs, and attaches them to the recorder.
        """
        self._reactor = reactor
        for port, _ in ports:
            # The main process keeps the socket open for future workers, but accepts no connections from it.
            port.stopReading()  # type: ignore[attr-defined]
        self._workers = [WorkerHandle(reactor, config, ports, capture) for _ in range(config.workers)]

    @property
    def in_flight(self) -> int:
        """How many exchanges are in progress."""
        return sum(each.in_flight for each in self._workers)

    def start(self) -> "Deferred[Any]":
        """Start all worker processes.

        :return: fires when every worker accepts connections, or after `START_WITHIN` seconds even if one does not.
        """
        for each in self._workers:
            each.child.start()
        ready: Deferred[None] = Deferred()
        late = self._reactor.callLater(START_WITHIN, self._go_on_without, ready)
        all_accept: Deferred[Any] = DeferredList([each.accepting for each in self._workers])

        def accepted(result: object) -> None:
            if late.active():
                late.cancel()
                ready.callback(None)

        all_accept.addCallback(accepted)
        return ready

    def _go_on_without(self, ready: "Deferred[None]") -> None:
        self._log.error("not every worker accepts connections yet; the others serve clients meanwhile")
        ready.callback(None)

    def drain(self, within: float) -> "Deferred[Any]":
        """Let the workers finish their exchanges, and exit.

        :return: fires when all have ended.
        """
        stopped = [each.child.stop(within + PATIENCE) for each in self._workers]
        for each in self._workers:
            each.tell(Orders(drain=within))
        return DeferredList(stopped)

    def reload(self, config: Config) -> None:
        """Send the settings that can change at run time."""
        for each in self._workers:
            each.reload(config)

    def cut(self) -> None:
        """End every exchange now."""
        for each in self._workers:
            each.tell(Orders(cut=True))
