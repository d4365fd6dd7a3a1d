"""The service as a unit of the user's systemd: written, started, and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ccsproxy.launch.background import NoService

NAME = "ccsproxy.service"
#: Time limit of a systemctl command in seconds.
_WITHIN = 60.0

_UNIT = """\
# Written by 'ccsproxy up --systemd'; 'ccsproxy down --systemd' removes it.
[Unit]
Description=ccsproxy, a flight recorder for coding agents (for one user)
Documentation=man:ccsproxy(1)

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WatchdogSec=30
Restart=on-failure
RestartSec=1
# Longer than --drain-timeout and the flush of a backlog together.
TimeoutStopSec=180
KillMode=mixed
UMask=0077
LimitNOFILE=8192
# A core would hold prompts and keys.
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes

[Install]
WantedBy=default.target
"""

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), capture_output=True, text=True, timeout=_WITHIN, check=False)  # noqa: S603


def unit_path(environment: Mapping[str, str], home: Path) -> Path:
    """Return the directory of the user's own units."""
    config = environment.get("XDG_CONFIG_HOME")
    return (Path(config) if config else home / ".config") / "systemd" / "user" / NAME


def unit_text(command: Sequence[str]) -> str:
    """Return the text of a unit that runs a command."""
    return _UNIT.format(command=" ".join(_quoted(word) for word in command))


def _quoted(word: str) -> str:
    """Quote a word for systemd (systemd.service(5), command lines; systemd.syntax(7), quoting)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if not escaped or set(escaped) & set(" \t'\"\\;") else escaped


class UserUnit:
    """The unit of one user.

    :param path: the unit file.
    :param run: runs a program and returns its result.
    """

    def __init__(self, path: Path, run: Run = _run) -> None:
        self._path, self._run = path, run

    def start(self, command: Sequence[str]) -> None:
        """Write the unit and start it, now and at each login.

        :raises NoService: if there is no systemd for this user, or the unit does not start.
        """
        self._systemctl("daemon-reload")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_name(f".{NAME}.{os.getpid()}")
        aside.write_text(unit_text(command), "utf-8")
        os.replace(aside, self._path)
        self._systemctl("daemon-reload")
        self._systemctl("enable", "--now", NAME)

    def remove(self) -> bool:
        """Stop the unit and delete it; tell whether there was one.

        :raises NoService: if systemd refuses.
        """
        if not self._path.exists():
            return False
        self._systemctl("disable", "--now", NAME)
        self._path.unlink()
        self._systemctl("daemon-reload")
        return True

    def _systemctl(self, *words: str) -> None:
        try:
            done = self._run(["systemctl", "--user", *words])
        except (OSError, subprocess.SubprocessError) as error:
            raise NoService(_missing(str(error))) from None
        if done.returncode:
            raise NoService(_missing(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it failed"))


def _missing(why: str) -> str:
    there = "" if shutil.which("systemctl") else "systemctl is not installed. "
    return f"{there}systemd does not accept the user unit: {why}. Use 'ccsproxy up' without --systemd instead."
