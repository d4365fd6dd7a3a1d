"""This run of the service: its id, health and run file, and the handle for programs (contract, section 9)."""

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
#: Seconds between two looks whether the data directory is another one.
LOOK_EVERY = 1.0
#: Seconds that the recorder may be behind before health says so in its state.
BEHIND_AFTER = 5.0


def write_run_file(data_dir: Path, content: dict[str, Any]) -> None:
    """Write the file in one step, readable by its owner only."""
    target = data_dir / NAME
    aside = data_dir / f".{NAME}.{os.getpid()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
    except OSError:
        aside.unlink(missing_ok=True)  # a full disk takes the name and no byte of it
        raise
    # In one step: another program may read it at any moment, and half a file would look like a dead service.
    os.replace(aside, target)


def read_run_file(data_dir: Path) -> dict[str, Any] | None:
    """Return what the running service wrote, or None when none runs (or what is there makes no sense)."""
    try:
        content = json.loads((data_dir / NAME).read_text("utf-8"))
        os.kill(content["pid"], 0)
    except PermissionError:
        return content if isinstance(content, dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if isinstance(content, dict) else None


def outlived(data_dir: Path) -> bool:
    """Whether the service that wrote the file has died without removing it, so that its recorder alone may live."""
    return (data_dir / NAME).exists() and read_run_file(data_dir) is None


def remove_run_file(data_dir: Path) -> None:
    """Remove the file if it is ours; a missing file is fine."""
    content = read_run_file(data_dir)
    if content is not None and content.get("pid") == os.getpid():
        (data_dir / NAME).unlink(missing_ok=True)


class RunFileKeeper:
    """Writes the run file again in the directory that is begun after somebody removed it under a running service.

    Whoever captures locks the new directory first; where nothing is captured it is made here. A run file that alone
    was removed stays away: whoever did that may be about to start a service, and must not take ours for it.

    :param write: writes the file, and whatever else the service has in the directory.
    """

    _log = Logger()

    def __init__(self, config: Config, reactor: Any, write: Callable[[], None]) -> None:
        self._data_dir, self._captures, self._write = config.data_dir, config.capture != "off", write
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        self._written_beside: _Identity | None = None
        self._failed = False

    def start(self) -> None:
        """Write the file, or, where the disk does not take it now, as soon as it does; the proxy does not wait."""
        beside = self._identity()
        self._write_beside(beside)
        self._looking.start(LOOK_EVERY, now=False)

    def stop(self) -> None:
        """Look no more; harmless when it never began."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        try:
            if not self._captures and not self._data_dir.is_dir():
                prepare(self._data_dir)
        except (OSError, StartError) as error:
            self._complain(error)
        now = self._identity()
        if now is not None and now != self._written_beside:
            self._write_beside(now)

    def _write_beside(self, identity: "_Identity | None") -> None:
        try:
            self._write()
        except (OSError, StartError) as error:
            self._complain(error)
        else:
            self._written_beside, self._failed = identity, False

    def _complain(self, error: Exception) -> None:
        if not self._failed:  # once, not each second: that would fill the log of a disk that is full
            self._log.error("the run file cannot be written, and is tried again: {error}", error=error)
        self._failed = True

    def _identity(self) -> "_Identity | None":
        """Return what tells a directory from the one before it at the same place.

        The lock's time of change goes into it, as file systems give the number of a removed file to the next one.
        """
        try:
            found = os.stat(self._data_dir / LOCK if self._captures else self._data_dir)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_ctime_ns if self._captures else 0


_Identity = tuple[int, int, int]


def claim_data_dir(config: Config, taking_over: bool = False) -> None:
    """Make the data directory ours alone, and see that no other process writes to it; the recorder takes the lock.

    :param taking_over: the process before us still writes, and will end.
    :raises ccsproxy.errors.DataDirError: when it cannot be used, or another service uses it.
    """
    prepare(config.data_dir)
    if config.capture != "off" and not taking_over:
        _see_lock(config.data_dir)


def _see_lock(data_dir: Path) -> None:
    """See that no other service writes; the recorder of one that has died may be at it yet, and ours waits for it.

    A file of a dead run is removed once nobody writes any more, lest a second service take us for a dead one.
    """
    try:
        Lock(data_dir).release()
    except DataDirBusy:
        if not outlived(data_dir):
            raise
    else:
        if outlived(data_dir):
            (data_dir / NAME).unlink(missing_ok=True)


@attr.frozen
class RunHandle:
    """What a program that started ccsproxy holds in its hand.

    :ivar proxy_urls: where clients reach the proxy.
    :ivar api_urls: where the API and the dashboard are, empty with ``--no-api``.
    :ivar upstreams: upstream NAME to its URL.
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
        """Hear the live events (contract, section 7) as dictionaries.

        :return: a callable that ends the subscription.
        """
        return self._subscribe(subscriber)

    def health(self) -> dict[str, Any]:
        """Return what ``GET /api/health`` says, in constant time."""
        return self._health()

    def shutdown(self) -> "Deferred[None]":
        """Stop: no new connections, streams drained up to the drain timeout, records flushed.

        :return: fires when all of that is done; further calls wait for the same end.
        """
        return self._shutdown()


class Run:
    """One run.

    :ivar started_at: seconds since the epoch.
    :ivar session_id: the session of exchanges whose client names none.
    """

    def __init__(self, config: Config, started_at: float) -> None:
        self._config = config
        self.started_at = started_at
        self.session_id = run_session_id(started_at)

    def file(self, handle: RunHandle) -> dict[str, Any]:
        """Return the content of ``run.json`` (contract, section 1)."""
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
        """Take a configuration over that was read while running."""
        self._config = config

    def health(self, capture: dict[str, Any], in_flight: int, capture_failures: int = 0) -> dict[str, Any]:
        """Return what ``GET /api/health`` says (contract, section 6).

        :param capture: the state of capture, with the store's own word under ``store``.
        :param in_flight: exchanges that the relay has under way; they count where nothing is captured.
        :param capture_failures: how often capture has raised in the relay, each time at the cost of one exchange.
        """
        store = capture.pop("store") or {}
        behind = capture["recorder_behind_s"] > BEHIND_AFTER
        whole = capture["recorder"] != "down" and store.get("store", "ok") == "ok" and not behind
        state = "ok" if whole else "degraded"
        if capture["recorder"] == "off":
            capture["in_flight"] = in_flight
        return {
            "status": state,
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
    """Say in the log where proxy and dashboard are."""
    for url in handle.proxy_urls:
        first = config.upstreams[0].url if config.upstreams else "the hosts that requests name"
        log.info("proxy: {url} relays to {upstream}", url=url, upstream=first)
    for url in handle.api_urls:
        log.info("dashboard: {url}", url=url)
    if not config.redact:
        log.warn("--no-redact: keys and tokens are written to the records as they are")
