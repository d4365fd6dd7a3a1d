"""The capture service of the main process: its own tap, the recorder process, and the workers' logs.

The main process creates and keeps the log of every relay process, so that its content survives the process: a new
recorder gets all logs, a new worker gets its own.
"""

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from ccsproxy.capture import frames
from ccsproxy.capture.relay.hand_over import HandOver
from ccsproxy.capture.relay.limits import CaptureLimits
from ccsproxy.capture.relay.recorder_deaths import RecorderDeaths
from ccsproxy.capture.relay.relays import KnownRelay, Link, Relays
from ccsproxy.capture.settings import recorder_settings
from ccsproxy.config.model import Config
from ccsproxy.exchange.relayed import Capture, NullCapture
from ccsproxy.runtime.bus import Bus
from ccsproxy.runtime.children.child import Child, Program
from ccsproxy.runtime.children.line_socket import LineSocket
from ccsproxy.wire import jsontext

#: The module run by the child process.
RECORDER = "ccsproxy.capture.main"
#: The recorder reports its health every second; after this many seconds of silence it counts as hanging.
SILENT_AFTER = 3.0


class CaptureService(Service):
    """Runs the recorder process for as long as the service runs.

    :ivar capture: what the relay calls.
    :ivar key: the key of the spill files, 32 bytes.
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
        """Configure the service; no process is started yet.

        :param module: the module run by the child process.
        """
        self._limits, self._reactor, self._bus = limits or CaptureLimits(), reactor, bus
        self._on = config.capture != "off"
        self._run_session_id = run_session_id
        self.key = random(32)
        self._settings = recorder_settings(config, run_session_id, self.key)
        self.spill_bounds = self._limits.spill.shared_by(max(1, config.workers))
        self._relays = Relays(config.data_dir, run_session_id)
        self.capture: Capture = NullCapture()
        self._hand_over: HandOver | None = None
        if self._on:
            own = self._relays.add(self._link_own)
            hand_over = HandOver(reactor, own.files, self.key, self._limits.memory, self.spill_bounds)
            self._hand_over, self.capture = hand_over, hand_over.capture
        program = Program(module, nice=self._limits.nice)
        self._child = Child(reactor, program, self._linked, self._child_ended)
        self._control: LineSocket | None = None
        self._ready = False
        self._waiting: list[Deferred[None]] = []
        self._closed: Deferred[None] | None = None
        self._late: IDelayedCall | None = None
        self._deaths = RecorderDeaths(self._relays, self._limits.patience, reactor.seconds)
        self._heard_at = 0.0
        self._store_health: dict[str, Any] = {}
        self._on_metrics: Callable[[list[Any]], None] = lambda changes: None

    def startService(self) -> Deferred[None]:
        """Start the recorder, and wait for it a while.

        :return: fires when it is ready, or after a while without it: the log fills meanwhile.
        """
        super().startService()
        if not self._on:
            return succeed(None)
        self._child.start()
        ready: Deferred[None] = Deferred()
        self._waiting.append(ready)
        late = self._reactor.callLater(self._limits.ready_within, self._start_without_recorder)
        ready.addBoth(lambda _: late.cancel() if late.active() else None)
        return ready

    def stopService(self) -> Deferred[None]:
        """Let the recorder store everything and end.

        :return: fires when it has, or when its time is up.
        """
        super().stopService()
        if self._hand_over is None:
            return succeed(None)
        self._wake_waiting()
        closed: Deferred[None] = Deferred()
        self._closed = closed
        # No exchange is accepted after this, so what is waited for below can only shrink.
        self._hand_over.capture.close()
        if self._control is not None:
            self._control.send(frames.message(frames.CLOSE))
        if not self._ready and not self._relays.outstanding:
            # Nothing was captured, so a recorder that is still starting has nothing to do.
            return self._child.stop(self._limits.flush_within).addCallback(lambda _: self._stopped())
        self._wait_for_progress(-1)
        closed.addCallback(lambda _: self._stop_child())
        closed.addErrback(lambda failure: self._log.failure("stopping the recorder failed", failure))
        return closed

    def reload(self, config: Config) -> None:
        """Apply the settings that can change while the recorder runs: prices and labels."""
        self._settings = recorder_settings(config, self._run_session_id, self.key)
        if self._control is not None:
            self._control.send(frames.message(frames.RELOAD, self._settings))

    def add_worker(self, link: Link) -> KnownRelay | None:
        """Create the files for a worker that is about to start; call `attach` when the worker has been started.

        :param link: passes the worker its end of a link to the recorder.
        :return: None if nothing is captured.
        """
        try:
            return self._relays.add(link) if self._on else None
        except OSError as error:
            self._log.error("a worker relays without being recorded: {error}", error=error)
            return None

    def attach(self, worker: KnownRelay) -> None:
        """Attach a started worker's log to the recorder."""
        if self._control is not None:
            self._relays.attach(self._control, worker, [])

    def worker_died(self, worker: KnownRelay) -> None:
        """Note that a worker has ended; the recorder still processes its log."""
        self._relays.died(worker)

    def on_child_hangup(self, callback: Callable[[], None]) -> None:
        """Set what is called when the recorder gets SIGHUP."""
        self._child.hung_up = callback

    def subscribe_metrics(self, callback: Callable[[list[Any]], None]) -> None:
        """Set what receives the changes of the metrics."""
        self._on_metrics = callback

    def health(self) -> dict[str, Any]:
        """Return the state of capture, in constant time."""
        accepted, stored, dropped = self._relays.counts
        memory, files, spilled = self._relays.held
        return {
            "recorder": "off" if not self._on else "ready" if self._ready else "down",
            "recorder_restarts": self._child.restarts,
            "recorder_behind_s": round(self._behind(), 1),
            "accepted": accepted,
            "stored": stored,
            "dropped": dict(dropped),
            "in_flight": self._relays.outstanding,
            "queue_bytes": memory,
            "spill_bytes": files,
            "spilled_bytes": spilled,
            "store": self._store_health,
        }

    def _behind(self) -> float:
        """How many seconds the recorder is behind, with records or altogether."""
        silent = self._reactor.seconds() - self._heard_at if self._ready else 0.0
        # A recorder that hangs stores nothing and drops nothing: only its silence shows.
        return max(self._relays.behind, silent if silent > SILENT_AFTER else 0.0)

    def _link_own(self, sock: socket.socket) -> None:
        if self._hand_over is not None:
            self._hand_over.link(sock)

    def _linked(self, sock: socket.socket) -> None:
        """Attach all logs to a new recorder, and then tell it to start."""
        skip_suspects = self._deaths.too_many()
        if skip_suspects:
            self._log.error("the recorder keeps dying; the exchanges it was processing are skipped")
        self._control = control = LineSocket(self._reactor, sock, self._line_received, self._control_lost)
        control.start()
        self._relays.attach_all(control, skip_suspects)
        control.send(frames.message(frames.HELLO, self._settings))
        if self._closed is not None:
            control.send(frames.message(frames.CLOSE))

    def _control_lost(self) -> None:
        self._control = None
        self._ready = False

    def _child_ended(self) -> None:
        if self._deaths.count():
            self._child.mark_healthy()
        if self._hand_over is not None:
            self._hand_over.unlink()
        if self._control is not None:
            self._control.drain()

    def _line_received(self, line: bytes) -> None:
        if line.startswith(frames.EVENT) and not self._bus.has_subscribers:
            return
        for kind, value in jsontext.loads(line).items():
            getattr(self, f"_heard_{kind}")(value)

    def _heard_ready(self, _: Any) -> None:
        self._ready = True
        self._child.lower_priority()
        self._heard_at = self._reactor.seconds()
        self._deaths.ready()
        self._wake_waiting()

    def _heard_event(self, event: dict[str, Any]) -> None:
        self._bus.publish(event)

    def _heard_departed(self, departed: tuple[int, int]) -> None:
        self._relays.departed(*departed)

    def _heard_health(self, health: dict[str, Any]) -> None:
        self._heard_at = self._reactor.seconds()
        self._store_health = health

    def _heard_metrics(self, changes: list[Any]) -> None:
        self._on_metrics(changes)

    def _heard_closed(self, _: Any) -> None:
        self._fire_closed()

    def _start_without_recorder(self) -> None:
        self._log.error("the recorder is not ready yet; the proxy starts without it, and captured data waits for it")
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def _fire_closed(self) -> None:
        if self._closed is not None and not self._closed.called:
            self._closed.callback(None)

    def _settled(self) -> int:
        _, stored, dropped = self._relays.counts
        return stored + dropped.total()

    def _wait_for_progress(self, settled: int) -> None:
        """Wait for the recorder for as long as it makes progress; a backlog may take a while."""
        now = self._settled()
        if now == settled:
            self._fire_closed()
        else:
            self._late = self._reactor.callLater(self._limits.flush_within, self._wait_for_progress, now)

    def _stop_child(self) -> Deferred[None]:
        if self._late is not None and self._late.active():
            self._late.cancel()
        stopped = self._child.stop(2.0)
        stopped.addCallback(lambda _: self._stopped())
        return stopped

    def _stopped(self) -> None:
        """Count what could not be stored; it stays in the journal, so that the next start knows of it as well."""
        if self._control is not None:
            self._control.close()
        if self._hand_over is not None:
            self._hand_over.close()
        lost = self._relays.close("shutdown")
        if lost:
            self._log.error("{count} exchanges could not be stored in time", count=lost)
