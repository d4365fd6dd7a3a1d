"""The composition root: the only module that knows every package and assembles a running ccsproxy.

``twistd -n ccsproxy`` enters through `makeService`, ``ccsproxy serve`` through `CcsproxyService`, and a program that
embeds ccsproxy through `serve`.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.api.service import ApiService, RunFacts
from ccsproxy.api.token import TokenError
from ccsproxy.capture.relay.service import CaptureService
from ccsproxy.capture.settings import labels_of
from ccsproxy.config.build import reloaded
from ccsproxy.config.model import Config
from ccsproxy.errors import ConfigError, StartError
from ccsproxy.proxy.ports import ProxyPorts
from ccsproxy.proxy.service import CheckedOptions as Options
from ccsproxy.proxy.service import RelayService
from ccsproxy.run import (
    Run,
    RunFileKeeper,
    RunHandle,
    announce,
    claim_data_dir,
    remove_run_file,
    write_run_file,
)
from ccsproxy.runtime.bus import Bus
from ccsproxy.runtime.complaint import complain
from ccsproxy.runtime.once import Once
from ccsproxy.runtime.own_process import OwnProcess
from ccsproxy.runtime.reopening import LogFiles
from ccsproxy.runtime.write_batch import WriteBatch
from ccsproxy.ship.service import ShipService, host_of
from ccsproxy.workers.supervisor import Workers

__all__ = ["CcsproxyService", "Options", "makeService", "serve"]


class CcsproxyService(service.Service):
    """A ccsproxy: relay, recorder and API, started and stopped together.

    :ivar session_id: the id of this run.
    """

    name = "ccsproxy"
    _log = Logger()

    def __init__(
        self, config: Config, reactor: Any, *, signals: bool = True, read_again: Callable[[], Config] | None = None
    ) -> None:
        """Configure the service; nothing is opened yet.

        :param signals: whether the process is ours: its signals, the reactor's clock, what systemd is told.
        :param read_again: reads the current configuration, see `reload`.
        """
        self._config, self._reactor = config, reactor
        self._run = Run(config, time.time())
        self.session_id = self._run.session_id
        self._bus = Bus()
        self._process = OwnProcess(reactor, self.reload, self.cut, owned=signals)
        self._ports = ProxyPorts(self._process.listeners)
        self._workers: Workers | None = None
        self._read_again = read_again
        self._log_files = LogFiles()
        self._stopping = Once(self._shut_down, self._shut)
        self._api: ApiService | None = None
        self._bound = False
        self._keeper = RunFileKeeper(config, reactor, self._write_files)

    def bind(self) -> None:
        """Open everything that may fail: data directory, lock, certificates and ports.

        :raises StartError: with one sentence; nothing remains open then.
        """
        # Before the first file: everything below is created for its owner only.
        os.umask(0o077)
        self._process.prepare(self._config.max_connections)
        # Checks that cost nothing come first; child processes and sockets follow when nothing else can fail.
        claim_data_dir(self._config, bool(self._process.inherited))
        self._capture = CaptureService(self._config, self.session_id, self._reactor, self._bus)
        self._ship = ShipService(self._reactor, self._config, self._bus, host_of(labels_of(self._config)))
        self._ship.bind()
        self._write_batch = WriteBatch()
        self._relay = RelayService(self._config, self._reactor, self._capture.capture, self._write_batch)
        self._bound = True
        try:
            self._ports.listen(self._config, self._relay)
            if self._config.workers > 1:
                self._workers = Workers(self._reactor, self._config, self._ports.listening, self._capture)
            self._bind_api()
        except StartError:
            self._ports.close()
            raise

    def _bind_api(self) -> None:
        if self._config.no_api:
            return
        run = RunFacts(self.session_id, self._run.started_at)
        listeners = self._process.listeners
        self._api = ApiService(self._reactor, self._config, self._bus, run, self.health, listeners=listeners)
        self._capture.subscribe_metrics(self._api.metrics)
        try:
            self._api.bind()
        except TokenError as error:
            raise ConfigError("--api-token-file", str(error)) from None

    def begin(self) -> "Deferred[RunHandle]":
        """Start the recorder and the API, and report that the service is up.

        :return: fires with the handle when everything is ready.
        """
        return ensureDeferred(self._begin())

    async def _begin(self) -> RunHandle:
        self._capture.on_child_hangup(self._process.child_hung_up)
        # Before the first exchange: what a client gets is sent at the end of a turn, after capture has its copy.
        self._process.take_signals(self._write_batch)
        # All processes start at once, because each needs time for its imports. Recorder and shipping start after a
        # predecessor, if there is one, has stored everything: what is captured until then waits in the log.
        inherited = self._process.inherited
        inherited.accepting(self._reactor)
        recorder = ensureDeferred(self._begin_recording())
        workers = self._workers.start() if self._workers is not None else succeed(None)
        if self._api is not None:
            self._api.startService()
        await workers
        handle = self.handle()
        if inherited and not self._stopping.begun:
            write_run_file(self._config.data_dir, self._run.file(handle))
        await recorder
        if self._stopping.begun:
            # Stopped while it was starting: nothing is open any more that could be announced.
            return handle
        self._keeper.start()
        announce(self._log, self._config, handle)
        self._process.notifier.ready(f"proxy on {handle.proxy_urls[0]}")
        return handle

    async def _begin_recording(self) -> None:
        await self._process.inherited.predecessor_gone()
        recorder = self._capture.startService()
        self._ship.startService()
        await recorder

    def handle(self) -> RunHandle:
        """Return the handle of this service."""
        proxies = self._ports.urls
        api = self._api.urls if self._api is not None else []
        upstreams = {one.name: one.url for one in self._config.upstreams}
        return RunHandle(proxies, api, upstreams, self.session_id, self._bus.subscribe, self.health, self.shutdown)

    def health(self) -> dict[str, Any]:
        """Return the content of ``GET /api/health``, in constant time."""
        health = self._run.health(self._capture.health(), self._relay.in_flight, self._relay.capture_failures)
        return {**health, "ship": self._ship.health()}

    def reload(self) -> None:
        """Reopen the log files, and apply the settings that can change at run time.

        No exchange is ended by it. A configuration with an error changes nothing.
        """
        self._log_files.reopen()
        if self._read_again is None or not self._bound:
            return
        try:
            fresh = self._read_again()
        except StartError as error:
            self._log.error("the configuration was not reloaded, the previous one stays in use: {error}", error=error)
            return
        # One configuration for everything that follows: what cannot change yet keeps its value everywhere.
        self._config, waiting = reloaded(self._config, fresh)
        self._relay.reload(self._config)
        self._capture.reload(self._config)
        self._run.reload(self._config)
        write_run_file(self._config.data_dir, self._run.file(self.handle()))
        if self._workers is not None:
            self._workers.reload(self._config)
        self._log.info("the configuration was reloaded")
        if waiting:
            self._log.warn("these changed settings take effect at the next start: {names}", names=", ".join(waiting))

    def _write_files(self) -> None:
        """Write again what the data directory contained besides the records."""
        write_run_file(self._config.data_dir, self._run.file(self.handle()))
        if self._api is not None:
            self._api.restore_token()

    def cut(self) -> None:
        """End every running stream at once; what was captured of it is still stored."""
        if self._bound:
            self._relay.cut()
            if self._workers is not None:
                self._workers.cut()

    def shutdown(self) -> "Deferred[None]":
        """Stop in order: accept nothing more, drain, flush, close. Fires when done; may be called again."""
        return self._stopping.run()

    def _shut(self, result: Any) -> None:
        if isinstance(result, Failure):
            self._log.failure("the service could not be stopped cleanly", result)

    async def _shut_down(self) -> None:
        if not self._bound:
            return
        self._process.notifier.stopping()
        self._keeper.stop()
        # First no new clients, then the end of current exchanges, then their records, and the API last: the dashboard
        # shows the end.
        await self._ports.close()
        await self._relay.drain(self._config.drain_timeout)
        if self._workers is not None:
            await self._workers.drain(self._config.drain_timeout)
        await self._capture.stopService()
        await self._ship.stopService()
        if self._api is not None:
            await self._api.stopService()
        await self._relay.close()
        remove_run_file(self._config.data_dir)
        self._process.notifier.close()

    def privilegedStartService(self) -> None:
        """Bind, or exit with status 1 and one sentence."""
        if self._bound:
            return
        try:
            self.bind()
        except StartError as error:
            if not complain(f"ccsproxy: {error}"):
                self._log.critical("ccsproxy: {error}", error=error)
            raise SystemExit(1) from None

    def startService(self) -> None:
        """Start once the reactor runs; called by twistd and twist."""
        self.privilegedStartService()
        super().startService()
        self._reactor.callWhenRunning(lambda: self.begin().addErrback(self._could_not_begin))

    def _could_not_begin(self, failure: Any) -> None:
        self._log.failure("ccsproxy cannot start", failure)
        self._reactor.stop()

    def stopService(self) -> "Deferred[None]":
        """Stop; twistd waits for the Deferred."""
        super().stopService()
        return self.shutdown()


def serve(config: Config, reactor: Any) -> "Deferred[RunHandle]":
    """Start a ccsproxy inside another program; signals are left to that program.

    :return: fires with the handle once every port is bound, or fails with `ccsproxy.errors.BindError`,
        `ccsproxy.errors.DataDirError` or `ccsproxy.errors.ConfigError`.
    """
    one = CcsproxyService(config, reactor, signals=False)

    async def start() -> RunHandle:
        one.bind()
        return await one.begin()

    return ensureDeferred(start())


def makeService(options: Options) -> service.IService:
    """Make the service for ``twistd`` and ``twist``."""
    from twisted.internet import reactor

    return CcsproxyService(options.config, reactor, read_again=options.build)
