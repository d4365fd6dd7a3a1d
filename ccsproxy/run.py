"""This run of the service: its id, health and run file, and the handle for programs."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attr
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ccsproxy import __version__
from ccsproxy.config.model import Config
from ccsproxy.errors import StartError
from ccsproxy.exchange.ids import iso_time, run_session_id
from ccsproxy.runtime.bus import Subscriber
from ccsproxy.store.directory import LOCK, DataDirBusy, Lock, prepare

NAME = "run.json"
#: Seconds between two checks whether the data directory was replaced.
CHECK_INTERVAL = 1.0
#: How many seconds the recorder may be behind before health reports a degraded state.
BEHIND_AFTER = 5.0


def write_run_file(data_dir: Path, content: dict[str, Any]) -> None:
    """Write the file atomically, readable by its owner only."""
    target = data_dir / NAME
    temporary = data_dir / f".{NAME}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
    except OSError:
        temporary.unlink(missing_ok=True)  # a full disk creates the name but stores no bytes
        raise
    # Atomically: another program may read it at any moment, and half a file would look like a dead service.
    os.replace(temporary, target)


def read_run_file(data_dir: Path) -> dict[str, Any] | None:
    """Return what the running service wrote, or None if none runs (or the content is invalid)."""
    try:
        content = json.loads((data_dir / NAME).read_text("utf-8"))
        pid = content["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # it is another user's, and lives
    except (OSError, TypeError, OverflowError):
        return None
    return content if isinstance(content, dict) else None


def left_behind(data_dir: Path) -> bool:
    """Whether the service that wrote the file died without removing it, so that its recorder may still be running."""
    return (data_dir / NAME).exists() and read_run_file(data_dir) is None


def remove_run_file(data_dir: Path) -> None:
    """Remove the file if it is ours; a missing file is ignored."""
    content = read_run_file(data_dir)
    if content is not None and content.get("pid") == os.getpid():
        (data_dir / NAME).unlink(missing_ok=True)


class RunFileKeeper:
    """Writes the run file again if the data directory is recreated after it was removed under a running service.

    If capture is on, the recorder locks the new directory first; otherwise it is created here. A run file that was
    removed alone is not restored: whoever did that may be about to start a service, and must not mistake ours for it.

    :param write: writes the file, and the service's other files in the directory.
    """

    _log = Logger()

    def __init__(self, config: Config, reactor: Any, write: Callable[[], None]) -> None:
        self._data_dir, self._captures, self._write = config.data_dir, config.capture != "off", write
        self._checking = LoopingCall(self._check)
        self._checking.clock = reactor
        self._written_for: _Identity | None = None
        self._failed = False

    def start(self) -> None:
        """Write the file now or, if the disk does not allow it, as soon as it does; the proxy does not wait."""
        beside = self._identity()
        self._write_for(beside)
        self._checking.start(CHECK_INTERVAL, now=False)

    def stop(self) -> None:
        """Stop checking; does nothing if it has not started."""
        if self._checking.running:
            self._checking.stop()

    def _check(self) -> None:
        try:
            if not self._captures and not self._data_dir.is_dir():
                prepare(self._data_dir)
        except (OSError, StartError) as error:
            self._log_once(error)
        now = self._identity()
        if now is not None and now != self._written_for:
            self._write_for(now)

    def _write_for(self, identity: "_Identity | None") -> None:
        try:
            self._write()
        except (OSError, StartError) as error:
            self._log_once(error)
        else:
            self._written_for, self._failed = identity, False

    def _log_once(self, error: Exception) -> None:
        if not self._failed:  # only once: a message per second would fill a log on the full disk
            self._log.error("the run file cannot be written, it is retried every second: {error}", error=error)
        self._failed = True

    def _identity(self) -> "_Identity | None":
        """Return what distinguishes a directory from an earlier one at the same path.

        The lock's change time is part of it, because file systems reuse the inode number of a removed file.
        """
        try:
            found = os.stat(self._data_dir / LOCK if self._captures else self._data_dir)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_ctime_ns if self._captures else 0


_Identity = tuple[int, int, int]


def claim_data_dir(config: Config, taking_over: bool = False) -> None:
    """Create the data directory with access for us only, and check that no other process writes to it.

    :param taking_over: our predecessor still writes, and will end.
    :raises ccsproxy.errors.DataDirError: if it cannot be used, or another service uses it.
    """
    prepare(config.data_dir)
    if config.capture != "off" and not taking_over:
        _check_lock(config.data_dir)


def _check_lock(data_dir: Path) -> None:
    """Check that no other service writes; the recorder of a dead one may still be running, and ours waits for it.

    The run file of a dead service is removed once nothing writes any more, so that a second service does not mistake
    us for a dead one.
    """
    try:
        Lock(data_dir).release()
    except DataDirBusy:
        if not left_behind(data_dir):
            raise
    else:
        if left_behind(data_dir):
            (data_dir / NAME).unlink(missing_ok=True)


@attr.frozen
class RunHandle:
    """The handle of a running ccsproxy for the program that started it.

    :ivar proxy_urls: where clients reach the proxy.
    :ivar api_urls: where the API and the dashboard are, empty with ``--no-api``.
    :ivar upstreams: URLs by upstream name.
    :ivar session_id: the id of this run.
    """

    proxy_urls: list[str]
    api_urls: list[str]
    upstreams: dict[str, str]
    session_id: str
    _subscribe: Callable[[Subscriber], Callable[[], None]]
    _health: Callable[[], dict[str, Any]]
    _shutdown: Callable[[], "Deferred[None]"]

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Receive the live events as dictionaries.

        :return: a callable that ends the subscription.
        """
        return self._subscribe(subscriber)

    def health(self) -> dict[str, Any]:
        """Return the content of ``GET /api/health``, in constant time."""
        return self._health()

    def shutdown(self) -> "Deferred[None]":
        """Stop: accept no new connections, drain streams up to the drain timeout, flush records.

        :return: fires when all of that is done; further calls wait for the same.
        """
        return self._shutdown()


class Run:
    """One run of the service.

    :ivar started_at: seconds since the epoch.
    :ivar session_id: the session of exchanges whose client does not name one.
    """

    def __init__(self, config: Config, started_at: float) -> None:
        self._config = config
        self.started_at = started_at
        self.session_id = run_session_id(started_at)

    def file(self, handle: RunHandle) -> dict[str, Any]:
        """Return the content of ``run.json``."""
        return {
            "pid": os.getpid(),
            "version": __version__,
            "started_at": iso_time(self.started_at),
            "proxy": handle.proxy_urls,
            "api": handle.api_urls,
            "upstreams": handle.upstreams,
            "session_id": self.session_id,
            "budgets": [str(each) for each in self._config.budgets],
        }

    def reload(self, config: Config) -> None:
        """Use a configuration that was read while running."""
        self._config = config

    def health(self, capture: dict[str, Any], in_flight: int, capture_failures: int = 0) -> dict[str, Any]:
        """Return the content of ``GET /api/health``.

        :param capture: the state of capture, with the store's own state under ``store``.
        :param in_flight: exchanges in progress in the relay; reported if nothing is captured.
        :param capture_failures: how often capture has raised in the relay, at the cost of one exchange each time.
        """
        store = capture.pop("store") or {}
        behind = capture["recorder_behind_s"] > BEHIND_AFTER
        healthy = capture["recorder"] != "down" and store.get("store", "ok") == "ok" and not behind
        state = "ok" if healthy else "degraded"
        # Records are kept without an index, but lists and searches lack them.
        indexed = (store.get("index") or {}).get("state") not in ("degraded", "full")
        if capture["recorder"] == "off":
            capture["in_flight"] = in_flight
        return {
            "status": state if indexed else "degraded",
            "provider": self._config.provider,
            "upstream": self._config.upstreams[0].url if self._config.upstreams else None,
            "session_id": self.session_id,
            "started_at": iso_time(self.started_at),
            "request_count": capture["accepted"],
            "store": state,
            "pid": os.getpid(),
            "version": __version__,
            "uptime_s": round(time.time() - self.started_at, 3),
            "upstreams": {one.name: one.url for one in self._config.upstreams},
            "redact": self._config.redact,
            "capture_level": self._config.capture,
            "workers": self._config.workers,
            "capture_failures": capture_failures,
            **capture,
            "store_detail": store,
        }


def announce(log: Logger, config: Config, handle: RunHandle) -> None:
    """Log the addresses of proxy and dashboard."""
    for url in handle.proxy_urls:
        first = config.upstreams[0].url if config.upstreams else "the hosts named by requests"
        log.info("proxy: {url} relays to {upstream}", url=url, upstream=first)
    for url in handle.api_urls:
        log.info("dashboard: {url}", url=url)
    if not config.redact:
        log.warn("--no-redact: keys and tokens are written to the records unredacted")
