"""A relay worker: ``python -m ccsproxy.workers.worker``, one of several processes that accept from the same ports.

It is told what to do over its link (`ccsproxy.workers.supervisor`), relays as the main process does, and
sends its copies there.
"""

import os
import socket
import sys
from typing import Any

import msgspec
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from ccsproxy.capture.disk import DiskThread
from ccsproxy.capture.relay.forward import WorkerCapture
from ccsproxy.capture.relay.link import RecorderLink
from ccsproxy.capture.relay.outbox import Outbox
from ccsproxy.capture.spill import Spill
from ccsproxy.config.model import Config
from ccsproxy.exchange.relayed import Capture, NullCapture
from ccsproxy.proxy.service import RelayService
from ccsproxy.runtime.child import LINK_FD
from ccsproxy.runtime.clock import use_monotonic_clock
from ccsproxy.runtime.epoll import install_fast_epoll
from ccsproxy.runtime.signals import leave_signals_to_parent
from ccsproxy.runtime.tuning import freeze_gc, raise_descriptor_limit
from ccsproxy.runtime.write_batch import WriteBatch
from ccsproxy.workers.supervisor import Orders, read_config

#: Seconds within which copies are on their way, and between two looks whether all have left at the end.
TICK = 0.003


class WorkerProcess:
    """Does what the main process says."""

    _log = Logger()

    def __init__(self, reactor: Any, link: socket.socket) -> None:
        self._reactor = reactor
        no_file = Spill(None, os.urandom(32), DiskThread(reactor), reactor.seconds)
        self._outbox = Outbox(no_file, self._flush_soon, self._left)
        self._capture = WorkerCapture(self._outbox)
        self._link = RecorderLink(reactor, link, self._outbox, self._line_received, self._lost)
        self._tick: IDelayedCall | None = None
        self._service: RelayService | None = None
        self._ports: list[Any] = []

    def start(self) -> None:
        """Listen to the main process."""
        self._link.start()

    def _line_received(self, line: bytes) -> None:
        orders = msgspec.json.decode(line, type=Orders)
        if orders.config is not None:
            self._relay(read_config(orders.config), orders)
        if orders.reload is not None and self._service is not None:
            self._service.reload(read_config(orders.reload))
        if orders.drain is not None:
            self._drain(orders.drain)
        if orders.cut and self._service is not None:
            self._service.cut()

    def _relay(self, config: Config, orders: Orders) -> None:
        capture: Capture = NullCapture() if config.capture == "off" else self._capture
        raise_descriptor_limit(config.max_connections)
        write_batch = WriteBatch()
        self._service = service = RelayService(config, self._reactor, capture, write_batch)
        upstreams = {one.name: one for one in config.upstreams}
        for listener in orders.listeners:
            site = service.site_for(upstreams[listener.upstream]) if listener.upstream else service.site
            family = socket.AddressFamily(listener.family)
            self._ports.append(self._reactor.adoptStreamPort(listener.descriptor, family, site))
            os.close(listener.descriptor)
        freeze_gc()
        install_fast_epoll(self._reactor, write_batch)

    def _drain(self, within: float) -> None:
        for port in self._ports:
            port.stopListening()
        if self._service is None:
            self._end_when_empty(None)
        else:
            self._service.drain(within).addCallback(self._end_when_empty)

    def _end_when_empty(self, _: object) -> None:
        if self._outbox.memory_bytes:
            self._link.flush()
            self._reactor.callLater(TICK, self._end_when_empty, None)
        else:
            self._reactor.stop()

    def _flush_soon(self) -> None:
        if self._tick is None:
            self._outbox.armed = True
            self._tick = self._reactor.callLater(TICK, self._flush)

    def _flush(self) -> None:
        self._tick = None
        self._link.flush()

    def _left(self, encoded: Any) -> None:
        self._capture.left(encoded)

    def _lost(self) -> None:
        """End with the main process: a relay that nobody records or stops must not live on."""
        if self._reactor.running:
            self._reactor.stop()


def main(reactor: Any) -> None:
    """Run a worker until the main process is done with it; signals to the group are that process's business."""
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
