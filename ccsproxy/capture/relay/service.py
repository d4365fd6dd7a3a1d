"""The capture service: the relay's hand-over, the recorder process behind it, and the link between them."""

import os
import socket
from collections.abc import Callable
from typing import Any

import attr
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from ccsproxy.capture import frames
from ccsproxy.capture.disk import Disk, DiskThread
from ccsproxy.capture.relay.link import RecorderLink
from ccsproxy.capture.relay.outbox import Outbox
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.capture.settings import SPILL_FD, recorder_settings
from ccsproxy.capture.spill import Spill, SpillBounds, open_nameless
from ccsproxy.config.model import Config
from ccsproxy.exchange.relayed import Capture, NullCapture
from ccsproxy.runtime.bus import Bus
from ccsproxy.runtime.child import Child, Program
from ccsproxy.wire import jsontext

#: The module that the child runs.
RECORDER = "ccsproxy.capture.main"
#: A recorder that dies within so many seconds may have died of what it was given.
SOON = 30.0


@attr.frozen
class CaptureLimits:
    """Bounds and times of the hand-over.

    :ivar memory: bytes queued in memory before frames are spilled.
    :ivar spill: see `SpillBounds`.
    :ivar tick: seconds within which frames are on their way; one system call carries all of them.
    :ivar ready_within: seconds that the start waits for the recorder; without it, frames queue.
    :ivar flush_within: seconds without any exchange being stored after which the stop waits no longer.
    :ivar nice: how much lower the recorder's priority is.
    :ivar patience: after so many deaths in a row without anything stored, what is in flight is given up, lest one
        exchange that kills the recorder stop all recording.
    """

    memory: int = 8 << 20
    spill: SpillBounds = attr.field(factory=SpillBounds)
    tick: float = 0.006
    ready_within: float = 10.0
    flush_within: float = 20.0
    nice: int = 19
    patience: int = 5


class CaptureService(Service):
    """Runs the recorder as long as it runs itself.

    :ivar capture: what the relay calls.
    :ivar relay_capture: what relay workers report to.
    """

    name = "capture"
    _log = Logger()

    def __init__(
        self,
        config: Config,
        run_session_id: str,
        reactor: Any,
        bus: Bus,
        limits: CaptureLimits | None = None,
        random: Callable[[int], bytes] = os.urandom,
        module: str = RECORDER,
    ) -> None:
        """Describe it; nothing is started yet.

        :param module: what the child runs.
        """
        self._limits, self._reactor, self._bus = limits or CaptureLimits(), reactor, bus
        self._on = config.capture != "off"
        key = random(32)
        self._settings = recorder_settings(config, run_session_id, key)
        self._disk: Disk = DiskThread(reactor)
        descriptor = self._open_spill(config) if self._on else None
        self._spill = Spill(descriptor, key, self._disk, reactor.seconds, self._limits.spill)
        self._outbox = Outbox(self._spill, self._flush_soon, self._left, self._limits.memory)
        self.relay_capture = RelayCapture(self._outbox)
        self.capture: Capture = self.relay_capture if self._on else NullCapture()
        descriptors = {} if descriptor is None else {SPILL_FD: descriptor}
        program = Program(module, descriptors=descriptors, nice=self._limits.nice)
        self._child = Child(reactor, program, self._linked, self._child_ended)
        self._link: RecorderLink | None = None
        self._tick: IDelayedCall | None = None
        self._ready = False
        self._waiting: list[Deferred[None]] = []
        self._closed: Deferred[None] | None = None
        self._late: IDelayedCall | None = None
        self._deaths = 0
        self._ready_at: float | None = None
        self._close_left = False
        self._store_health: dict[str, Any] = {}

    def startService(self) -> Deferred[None]:
        """Start the recorder.

        :return: fires when it is ready, or after a while without it: frames are queued then.
        """
        super().startService()
        if not self._on:
            return succeed(None)
        self._child.start()
        ready: Deferred[None] = Deferred()
        self._waiting.append(ready)
        late = self._reactor.callLater(self._limits.ready_within, self._go_on_without)
        ready.addBoth(lambda _: late.cancel() if late.active() else None)
        return ready

    def stopService(self) -> Deferred[None]:
        """Let the recorder store everything and end.

        :return: fires when it has, or when its time is up.
        """
        super().stopService()
        if not self._on:
            return succeed(None)
        self._wake_waiting()
        closed: Deferred[None] = Deferred()
        self._closed = closed
        self.relay_capture.close()
        self._outbox.put(frames.frame(frames.CLOSE))
        self._wait_for_progress(-1)
        closed.addCallback(lambda _: self._stop_child())
        closed.addErrback(lambda failure: self._log.failure("stopping the recorder failed", failure))
        return closed

    def child_hung_up(self, told: Callable[[], None]) -> None:
        """Name who is told when the recorder gets SIGHUP; without it nobody is."""
        self._child.hung_up = told

    def health(self) -> dict[str, Any]:
        """Return the state of capture, in constant time."""
        relay_capture, spill = self.relay_capture, self._spill
        return {
            "recorder": "off" if not self._on else "ready" if self._ready else "down",
            "recorder_restarts": self._child.restarts,
            "accepted": relay_capture.accepted,
            "stored": relay_capture.stored,
            "dropped": dict(relay_capture.dropped),
            "in_flight": relay_capture.in_flight,
            "queue_bytes": self._outbox.memory_bytes,
            "spill_bytes": spill.file_bytes,
            "spilled_bytes": spill.total,
            "store": self._store_health,
        }

    def _open_spill(self, config: Config) -> int | None:
        try:
            config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            return open_nameless(config.data_dir)
        except OSError as error:
            self._log.error("no spill file, a lagging recorder will cost bodies: {error}", error=error)
            return None

    def _linked(self, sock: socket.socket) -> None:
        """Tell a new recorder what it has to know, then go on with the queue."""
        if self._deaths >= self._limits.patience:
            self._log.error("the recorder dies again and again; what is in flight is given up")
            self.relay_capture.drop_all("recorder")
            self._outbox.drop_all()
            self._deaths = 0
        relay_capture = self.relay_capture
        opening = [
            frames.settings(frames.HELLO, self._settings),
            frames.settings(frames.RESUME, relay_capture.in_flight_ids()),
            *relay_capture.resume(),
        ]
        self._outbox.restart(opening)
        if self._close_left:
            self._close_left = False
            self._outbox.put(frames.frame(frames.CLOSE))
        self._link = link = RecorderLink(self._reactor, sock, self._outbox, self._line_received, self._link_lost)
        link.start()

    def _link_lost(self) -> None:
        self._link = None
        self._ready = False

    def _child_ended(self) -> None:
        if self._ready_at is not None and self._reactor.seconds() - self._ready_at < SOON:
            self._deaths += 1
        self._ready_at = None
        if self._link is not None:
            self._link.drain()

    def _flush_soon(self) -> None:
        """Flush once for all frames of the next few milliseconds."""
        if self._link is not None and self._tick is None:
            self._tick = self._reactor.callLater(self._limits.tick, self._flush)

    def _flush(self) -> None:
        self._tick = None
        if self._link is not None:
            self._link.flush()

    def _left(self, encoded: bytes) -> None:
        if encoded[0] == frames.CLOSE:
            self._close_left = True
        else:
            self.relay_capture.left(encoded)

    def _line_received(self, line: bytes) -> None:
        if line.startswith(frames.EVENT) and not self._bus.has_subscribers:
            return
        for kind, value in jsontext.loads(line).items():
            getattr(self, f"_heard_{kind}")(value)

    def _heard_ready(self, _: Any) -> None:
        self._ready = True
        self._ready_at = self._reactor.seconds()
        self._wake_waiting()

    def _heard_event(self, event: dict[str, Any]) -> None:
        self._bus.publish(event)

    def _heard_stored(self, numbers: list[int]) -> None:
        self._deaths = 0
        self.relay_capture.settle_stored(numbers)

    def _heard_dropped(self, what: tuple[int, str]) -> None:
        self.relay_capture.settle_dropped(*what)

    def _heard_consumed(self, offset: int) -> None:
        heads = self._spill.consumed(offset)
        heads.addCallback(self.relay_capture.read_back)
        heads.addErrback(lambda failure: self._log.failure("a spilled batch could not be released", failure))

    def _heard_health(self, health: dict[str, Any]) -> None:
        self._store_health = health

    def _heard_closed(self, _: Any) -> None:
        self._fire_closed()

    def _go_on_without(self) -> None:
        self._log.error("the recorder is not ready yet; the proxy starts without it, and captures wait for it")
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def _fire_closed(self) -> None:
        if self._closed is not None and not self._closed.called:
            self._closed.callback(None)

    def _wait_for_progress(self, settled: int) -> None:
        """Wait for the recorder as long as it gets on with what it has; a backlog may take a while."""
        now = self.relay_capture.settled
        if now == settled:
            self._fire_closed()
        else:
            self._late = self._reactor.callLater(self._limits.flush_within, self._wait_for_progress, now)

    def _stop_child(self) -> Deferred[None]:
        if self._late is not None and self._late.active():
            self._late.cancel()
        stopped = self._child.stop(2.0)
        if self._link is not None:
            self._link.close()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        stopped.addCallback(lambda _: self._stopped())
        return stopped

    def _stopped(self) -> None:
        if self.relay_capture.in_flight:
            self._log.error("{count} exchanges could not be stored in time", count=self.relay_capture.in_flight)
        self.relay_capture.drop_all("shutdown")
        self._spill.close()
        self._disk.stop()
