"""The service in the background: found, started on the same ports each time, ended, and started again when it
died."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attr

from ccsproxy import __version__
from ccsproxy.config.model import Config
from ccsproxy.errors import StartError
from ccsproxy.launch import leases
from ccsproxy.launch.health import read_health
from ccsproxy.providers.registry import PROVIDERS, upstream_name
from ccsproxy.run import read_run_file

#: Upstreams of a service started by a launcher, so that every agent has a base URL; the first is the default.
UPSTREAMS = ("anthropic", "openai", "chatgpt", "google", "codeassist")
#: Seconds that a service gets to start, and to exit after its drain.
START_WITHIN, END_WITHIN = 30.0, 45.0
_PORTS = "ports.json"
_DEFAULTS = attr.fields_dict(Config)


class NoService(StartError):
    """The service cannot be started, found or stopped; the message says why and what to do."""


@attr.frozen
class Background:
    """The background service of one data directory.

    :ivar data_dir: the data directory.
    :ivar options: additional options of the service, used when it is started.
    """

    data_dir: Path
    options: Sequence[str] = ()

    def running(self) -> Mapping[str, Any] | None:
        """Return the run file of a service that answers, None if there is none."""
        found = read_run_file(self.data_dir)
        return found if found is not None and _answers(found["proxy"]) else None

    def ensure(self, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Return the run file of the service; start one if none runs, on the ports that it had before.

        :param environment: of the service; by default that of this process.
        :raises NoService: if it cannot be started.
        """
        # Otherwise two agents started at once would start two services, one of which would find its ports in use.
        with self._alone():
            return self.running() or self._start(dict(os.environ if environment is None else environment))

    def stop(self) -> bool:
        """Stop the service as by SIGTERM; tell whether one was running.

        :raises NoService: if it does not exit in time.
        """
        leases.stay_up(self.data_dir, up=False)
        found = read_run_file(self.data_dir)
        if found is None:
            return False
        pid = int(found["pid"])
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_WITHIN
        while read_run_file(self.data_dir) is not None:
            if time.monotonic() > deadline:
                raise NoService(f"The service (process {pid}) is still finishing its streams; try again later.")
            time.sleep(0.05)
        return True

    def is_other_version(self, found: Mapping[str, Any]) -> bool:
        """Tell whether a running service has a different version from this program."""
        return bool(found.get("version") != __version__)

    def as_started(self, found: Mapping[str, Any]) -> Background:
        """Return the settings for restarting a service as it is now: with its options, on its ports.

        :param found: the run file of the service; one that was not started by a launcher is restarted with our own
        options.
        """
        known = self._ports()
        if known.get("pid") != found.get("pid") or not isinstance(known.get("options"), list):
            return self
        options = [str(each) for each in known["options"]]
        for port in ("--proxy-port", "--api-port"):
            while port in options:  # it may have been 0; the actual port is remembered
                del options[options.index(port) : options.index(port) + 2]
        return attr.evolve(self, options=options)

    def renewed(self, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Replace a service of another version by one of this version, if that disturbs nobody.

        :param found: the run file of the service.
        :return: the run file of the new one; None if the old one stays, because other agents use it, an exchange is
        in progress, or it was not started by a launcher.
        :raises NoService: if it does not exit, or the new one does not start.
        """
        stays = (leases.folder_of(self.data_dir) / leases.UP).exists()
        # A running stream belongs to an agent that is not known here.
        idle = read_health(found, self.data_dir).get("in_flight") == 0
        if not idle or leases.holders(self.data_dir) > 1 or self._ports().get("pid") != found.get("pid"):
            return None
        self.stop()
        leases.stay_up(self.data_dir, up=stays)
        return self.ensure()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Ensure that two launchers which find no service start one, not two."""
        path = leases.folder_of(self.data_dir) / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _start(self, environment: dict[str, str]) -> Mapping[str, Any]:
        log = self.data_dir / "logs" / "service.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # Output of an earlier start does not explain this failure.
        begins = os.fstat(descriptor).st_size
        try:
            program = subprocess.Popen(  # noqa: S603 - our own program
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=environment,
                start_new_session=True,
                # A service that runs for days must not keep a directory in use that somebody wants to unmount or
                # delete.
                cwd="/",
            )
        finally:
            os.close(descriptor)
        return self.answering(lambda: program.poll() is None, lambda: f"{_last_line(log, begins)} (see {log})")

    def answering(
        self,
        alive: Callable[[], bool] = lambda: True,
        why: Callable[[], str] = lambda: "run 'systemctl --user status ccsproxy' to see why",
    ) -> Mapping[str, Any]:
        """Wait for a service that is starting, and return its run file.

        :param alive: tells whether it may still start.
        :param why: returns why it did not.
        :raises NoService: if it does not start in time.
        """
        deadline = time.monotonic() + START_WITHIN
        while (found := self.running()) is None:
            if not alive() or time.monotonic() > deadline:
                raise NoService(f"The service did not start: {why()}")
            time.sleep(0.05)
        self._remember(found)
        return found

    def command(self, *, while_wanted: bool = True) -> list[str]:
        """Return the command line of the service.

        :param while_wanted: it exits when nobody uses it any more.
        """
        given = set(map(_name_of, self._said("--upstream")))
        urls = [(each.name, each.url) for each in PROVIDERS if each.name in UPSTREAMS and each.name not in given]
        urls.sort(key=lambda each: UPSTREAMS.index(each[0]))
        command = [
            sys.executable,
            "-P",
            "-m",
            "ccsproxy.tools",
            "serve",
            "--no-open",
            *(["--while-wanted"] * while_wanted),
        ]
        command += ["--data-dir", str(self.data_dir), "--forward", "on"]
        command += [word for name, url in urls for word in ("--upstream", f"{name}={url}")]
        if not {"--proxy-port", "--listen"} & set(self.options):
            command += ["--proxy-port", str(self._port("proxy"))]
        if not {"--api-port", "--api-listen", "--no-api"} & set(self.options):
            command += ["--api-port", str(self._port("api"))]
        return [*command, *self.options]

    def _said(self, option: str) -> Iterator[str]:
        """Yield the values given for an option."""
        for number, word in enumerate(self.options):
            if word.startswith(f"{option}="):
                yield word.partition("=")[2]
            elif word == option and number + 1 < len(self.options):
                yield self.options[number + 1]

    def _port(self, which: str) -> int:
        """Return the port that the service had before, or its default; another one if that is in use."""
        port = self._wanted(which)
        return 0 if _is_taken(port) else port

    def _wanted(self, which: str) -> int:
        return int(self._ports().get(which) or _DEFAULTS[f"{which}_port"].default or 0)

    def taken_ports(self) -> list[int]:
        """Return which of the ports that a start would use are in use by another program; for when no service
        runs.
        """
        return [port for port in map(self._wanted, ("proxy", "api")) if _is_taken(port)]

    def _ports(self) -> dict[str, Any]:
        try:
            value = json.loads((leases.folder_of(self.data_dir) / _PORTS).read_text())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _remember(self, found: Mapping[str, Any]) -> None:
        ports: dict[str, Any] = {
            which: int(found[which][0].rpartition(":")[2]) for which in ("proxy", "api") if found[which]
        }
        ports |= {"pid": int(found["pid"]), "options": list(self.options)}
        (leases.folder_of(self.data_dir) / _PORTS).write_text(json.dumps(ports))


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _name_of(upstream: str) -> str:
    """Return the name of an ``--upstream``, explicit or derived from its host."""
    name, mark, _ = upstream.partition("=")
    if mark and "://" not in name:
        return name
    parts = urlsplit(upstream)
    return upstream_name(parts.hostname or "", parts.port)


def _answers(urls: Sequence[str]) -> bool:
    """Tell whether a server is listening at the first of some URLs."""
    if not urls:
        return False
    host, _, port = urls[0].partition("://")[2].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except (OSError, ValueError):
        return False


def _last_line(log: Path, begins: int) -> str:
    lines = [line for line in log.read_bytes()[begins:].decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
