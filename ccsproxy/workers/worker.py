"""A relay worker: ``python -m ccsproxy.workers.worker``, one of several processes that accept from the same ports.

It gets its orders over its link (`ccsproxy.workers.supervisor`), relays like the main process, and writes its copies
to its own log, which the recorder reads.
"""

import os
import socket
import sys
from typing import Any

import msgspec
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from ccsproxy.capture.relay.files import RelayFiles
from ccsproxy.capture.relay.hand_over import HandOver
from ccsproxy.config.model import Config
from ccsproxy.exchange.relayed import Capture, NullCapture
from ccsproxy.proxy.server.access.loops import LoopWatch
from ccsproxy.proxy.service import RelayService
from ccsproxy.runtime.children.child import LINK_FD
from ccsproxy.runtime.children.line_socket import LineSocket
from ccsproxy.runtime.clock import use_monotonic_clock
from ccsproxy.runtime.epoll import install_fast_epoll
from ccsproxy.runtime.signals import leave_signals_to_parent
from ccsproxy.runtime.sockets.socket_graph import sibling_processes
from ccsproxy.runtime.tuning import freeze_gc, raise_descriptor_limit
from ccsproxy.runtime.write_batch import WriteBatch
from ccsproxy.workers.supervisor import ACCEPTING, CaptureOrders, Orders, read_config

#: Seconds between cutting every exchange, because the main process is gone, and exiting.
CUT_WITHIN = 0.5


class WorkerProcess:
    """Executes the orders of the main process."""

    _log = Logger()

    def __init__(self, reactor: Any, link: socket.socket) -> None:
        self._reactor = reactor
        self._link = LineSocket(reactor, link, self._line_received, self._lost)
        self._hand_over: HandOver | None = None
        self._service: RelayService | None = None
        self._ports: list[Any] = []

    def start(self) -> None:
        """Start reading orders from the main process."""
        self._link.start()

    def _line_received(self, line: bytes) -> None:
        orders = msgspec.json.decode(line, type=Orders)
        if orders.config is not None:
            self._relay(read_config(orders.config), orders)
        if orders.link:
            self._link_recorder()
        if orders.reload is not None and self._service is not None:
            self._service.reload(read_config(orders.reload))
        if orders.drain is not None:
            self._drain(orders.drain)
        if orders.cut and self._service is not None:
            self._service.cut()

    def _relay(self, config: Config, orders: Orders) -> None:
        capture: Capture = NullCapture() if orders.capture is None else self._captured(orders.capture)
        raise_descriptor_limit(config.max_connections)
        write_batch = WriteBatch()
        self._service = service = RelayService(
            config, self._reactor, capture, write_batch, loops=LoopWatch(sibling_processes, alone=False)
        )
        upstreams = {one.name: one for one in config.upstreams}
        for listener in orders.listeners:
            site = service.site_for(upstreams[listener.upstream]) if listener.upstream else service.site
            family = socket.AddressFamily(listener.family)
            self._ports.append(self._reactor.adoptStreamPort(listener.descriptor, family, site))
            # `adoptStreamPort` duplicates the descriptor; a second one would keep the listener open after
            # `stopListening`.
            os.close(listener.descriptor)
        # After everything that lives as long as the process.
        freeze_gc()
        install_fast_epoll(self._reactor, write_batch)
        self._link.send(ACCEPTING + b"\n")

    def _captured(self, orders: CaptureOrders) -> Capture:
        """Set up the hand-over to the recorder."""
        taken = self._link.descriptors
        log, journal = taken.popleft(), taken.popleft()
        copy = taken.popleft() if orders.copied else None
        spill = taken.popleft() if orders.spilling else None
        files = RelayFiles(orders.relay, log, journal, copy, spill, [])
        self._hand_over = HandOver(self._reactor, files, orders.key, bounds=orders.spill_bounds)
        return self._hand_over.capture

    def _link_recorder(self) -> None:
        link = socket.socket(fileno=self._link.descriptors.popleft())
        if self._hand_over is not None:
            self._hand_over.link(link)

    def _drain(self, within: float) -> None:
        for port in self._ports:
            port.stopListening()
        if self._service is None:
            self._reactor.stop()
        else:
            self._service.drain(within).addCallback(lambda _: self._reactor.stop())

    def _lost(self) -> None:
        """Exit with the main process: a relay that nothing can stop must not live on. What it has captured stays in
        its log.
        """
        if not self._reactor.running:
            return
        for port in self._ports:
            port.stopListening()
        if self._service is not None:
            self._service.cut()
        self._reactor.callLater(CUT_WITHIN, self._stop)

    def _stop(self) -> None:
        if self._reactor.running:
            self._reactor.stop()


def main(reactor: Any) -> None:
    """Run a worker until the main process is done with it; signals to the process group are handled by that
    process.
    """
    os.umask(0o077)
    leave_signals_to_parent()
    use_monotonic_clock(reactor)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr, timeFormat=None)], redirectStandardIO=False)
    link = socket.socket(fileno=LINK_FD)
    os.set_inheritable(LINK_FD, False)
    reactor.callWhenRunning(WorkerProcess(reactor, link).start)
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    from twisted.internet import reactor

    main(reactor)
