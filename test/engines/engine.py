"""A real engine as a process: found where it was installed or built, started on loopback, ended with the test."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from test.integration.program import Program, ProgramTestCase

#: Where ``make test-engines`` puts what it builds.
BUILT = Path(os.environ.get("CCSPROXY_ENGINES") or Path("~/.cache/ccsproxy/engines").expanduser())


def engine(name: str) -> str:
    """Return the path of an engine's program.

    :raises SkipTest: when these tests were not asked for, or it is not to be had here.
    """
    if not os.environ.get("CCSPROXY_TEST_ENGINES"):
        raise SkipTest("engines are tried by make test-engines")
    found = BUILT / name
    path = str(found) if found.exists() else shutil.which(name)
    if path is None:
        raise SkipTest(f"there is no {name}; make test-engines says how to get it")
    return path


def free_port() -> int:
    """Return a loopback port that was free a moment ago: engines have to be told theirs."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class EngineTestCase(ProgramTestCase):
    """A test with engines."""

    timeout = 180

    def folder(self) -> Path:
        """Make an empty folder."""
        path = Path(self.mktemp()).absolute()
        path.mkdir(parents=True)
        return path

    async def serving(self, command: list[str], url: str, status: int = 200) -> Program:
        """Start an engine and wait until it answers."""
        program = self.spawn(command)

        def answers() -> bool:
            if program.status is not None:
                raise AssertionError(f"{command[0]} ended with {program.status}: {program.said}")
            return program.answered

        program.answered = False  # type: ignore[attr-defined]
        while not answers():
            program.answered = (await self.status_of(url)) == status  # type: ignore[attr-defined]
        return program

    async def status_of(self, url: str) -> int:
        """Return the status of an answer, 0 when there is none."""
        try:
            return (await self.fetch(url))[0]
        except OSError:
            await self.pause(0.1)
            return 0

    async def fetch(self, url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Ask for a URL, outside of the reactor's turn."""
        return await deferToThread(_fetch, url, data, headers)

    async def pause(self, seconds: float) -> None:
        """Let time pass that an engine needs and no event ends."""
        from twisted.internet.task import deferLater

        await deferLater(reactor, seconds)


def _fetch(url: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    import urllib.error
    import urllib.request

    opener: Any = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
