"""ccsproxy as a process of its own, started in each of the ways in which people start it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from ccsproxy.run import read_run_file
from test.integration.harness import ProxiedTestCase

ROOT = Path(__file__).parent.parent.parent


def script(name: str) -> str:
    """Return the path of a command beside our Python."""
    return str(Path(sys.executable).with_name(name))


#: How to start the service, by name.
WAYS: dict[str, list[str]] = {
    "twistd": [script("twistd"), "-n", "--pidfile=", "ccsproxy"],
    "twist": [script("twist"), "ccsproxy"],
    "serve": [sys.executable, "-m", "ccsproxy.tools", "serve", "--no-open"],
}


class Program(ProcessProtocol):
    """A process, what it has said, and how it ended.

    :ivar status: its exit status, minus the signal when one ended it, None while it runs.
    """

    def __init__(self) -> None:
        self.output = {1: b"", 2: b""}
        self.status: int | None = None
        self.heard: Callable[[], object] = lambda: None
        self._waiting: list[Deferred[int]] = []

    @property
    def pid(self) -> int:
        return int(self.transport.pid)

    @property
    def said(self) -> str:
        """Return what it wrote to both outputs."""
        return (self.output[1] + self.output[2]).decode()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.output[childFD] += data

    def processEnded(self, reason: Failure) -> None:
        value = reason.value
        assert isinstance(value, ProcessDone | ProcessTerminated)
        self.status = -value.signal if value.signal else value.exitCode or 0
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(self.status)

    def ended(self) -> "Deferred[int]":
        """Wait for its end."""
        waiting: Deferred[int] = Deferred()
        if self.status is None:
            self._waiting.append(waiting)
            waiting.addTimeout(60, reactor)
        else:
            waiting.callback(self.status)
        return waiting

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


class ProgramTestCase(ProxiedTestCase):
    """A test with a ccsproxy process."""

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        descriptors: Mapping[int, Any] | None = None,
    ) -> Program:
        """Start a process that does not outlive the test."""
        program = Program()
        inherited = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        env = {**inherited, "PYTHONPATH": str(ROOT), **(environment or {})}
        fds = {0: "w", 1: "r", 2: "r", **(descriptors or {})}
        reactor.spawnProcess(program, command[0], list(command), env, childFDs=fds)

        async def end() -> None:
            if program.status is None:
                program.signal(9)
                await program.ended()

        self.addCleanup(end)
        return program

    async def launch(self, way: str, *options: str, **more: Any) -> Program:
        """Start the service and wait until it is up; ``run_file`` is what it says of itself."""
        self.data_dir = Path(self.mktemp()).absolute()
        command = [*WAYS[way], "--data-dir", str(self.data_dir), "--upstream-proxy", "none", *options]
        program = self.spawn(command, **more)
        await self.up(program)
        return program

    async def up(self, program: Program) -> None:
        """Wait until the service is up, and read what it says of itself."""

        def up() -> bool:
            if program.status is not None:
                raise AssertionError(f"ended with {program.status}: {program.said}")
            return read_run_file(self.data_dir) is not None

        await self.until(up, "run.json")
        self.run_file = read_run_file(self.data_dir) or {}

    @property
    def proxy_port(self) -> int:
        """Return the port of the proxy."""
        return int(self.run_file["proxy"][0].rpartition(":")[2])
