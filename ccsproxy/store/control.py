"""Control: how a command asks the service that writes a data dir for what only the writer may do.

A request is a small file in a folder of the data dir, where only its owner can write. The service looks once a
second,
takes a request by renaming it, and writes the answer beside it. No port, no token: who may change the data dir may
ask.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import attr
import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.store.directory import DataDirBusy, Lock
from ccsproxy.store.segments.files import Files, read_all, remove_if_there, replace_file
from ccsproxy.store.settings import StoreSettings

ASKED, TAKEN, ANSWERED = ".wish", ".taken", ".answer"
#: Seconds after which a service that has not taken a request is not going to, and between two looks for the answer.
TAKEN_WITHIN, LOOK = 10.0, 0.1


class ControlRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a command asks for.

    :ivar do: ``forget`` sessions, or ``collect`` what retention no longer keeps.
    :ivar retain_days: days to keep, null for what the service keeps.
    :ivar retain_size: bytes to keep, null for what the service keeps.
    """

    do: str
    sessions: list[str] = []
    retain_days: float | None = None
    retain_size: int | None = None


class ControlReply(msgspec.Struct, frozen=True):
    """What came of it.

    :ivar counts: for each session, how many segments held it.
    :ivar trouble: why it could not be done, or not whole; empty when it was.
    """

    counts: dict[str, int] = {}
    trouble: str = ""


class Mailbox:
    """The service's side. Used by one thread; what is no request is passed over."""

    def __init__(self, files: Files, data_dir: Path) -> None:
        self._files = files
        self._folder = folder_of(data_dir)

    def open(self) -> None:
        """Make the folder, which tells commands that they may ask, and empty it of what an earlier service left."""
        self._files.make_directory(self._folder)
        for path in self._folder.iterdir():
            remove_if_there(self._files, path)

    def take(self) -> list[tuple[Path, ControlRequest]]:
        """Take the requests that are there; each is given to the caller once."""
        found = []
        for path in sorted(self._folder.glob("*" + ASKED)):
            taken = path.with_suffix(TAKEN)
            self._files.rename(path, taken)
            try:
                found.append((taken, msgspec.json.decode(read_all(self._files, taken), type=ControlRequest)))
            except msgspec.MsgspecError as error:
                self.answer(taken, ControlReply(trouble=f"the request is not understood: {error}"))
        return found

    def answer(self, taken: Path, reply: ControlReply) -> None:
        """Say what came of a request.

        :raises OSError: when the disk does not take it.
        """
        replace_file(self._files, taken.with_suffix(ANSWERED), msgspec.json.encode(reply))
        remove_if_there(self._files, taken)


def ask(
    data_dir: Path,
    request: ControlRequest,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> ControlReply | None:
    """Ask the service that writes a data dir, and wait until it has answered.

    :return: what came of it; null when the service has ended meanwhile.
    :raises DataDirBusy: when it takes no requests.
    :raises OSError: when the request cannot be written.
    """
    files = Files()
    path = folder_of(data_dir) / f"{os.urandom(8).hex()}{ASKED}"
    if not path.parent.is_dir():
        raise DataDirBusy(f"The ccsproxy that writes to {data_dir} takes no requests.")
    replace_file(files, path, msgspec.json.encode(request))
    try:
        return _answer(files, data_dir, path, clock, sleep)
    finally:
        for suffix in (ASKED, ANSWERED):
            remove_if_there(files, path.with_suffix(suffix))


def folder_of(data_dir: Path) -> Path:
    """Return where the requests of a data dir are."""
    return data_dir / "wishes"


def _answer(
    files: Files, data_dir: Path, path: Path, clock: Callable[[], float], sleep: Callable[[float], Any]
) -> ControlReply | None:
    deadline = clock() + TAKEN_WITHIN
    while True:
        try:
            return msgspec.json.decode(read_all(files, path.with_suffix(ANSWERED)), type=ControlReply)
        except FileNotFoundError:
            sleep(LOOK)
        if clock() > deadline:
            if _is_free(data_dir):
                return None
            if not any(path.with_suffix(suffix).exists() for suffix in (TAKEN, ANSWERED)):
                raise DataDirBusy(f"The ccsproxy that writes to {data_dir} does not take the request.")
            deadline = clock() + TAKEN_WITHIN


def _is_free(data_dir: Path) -> bool:
    """Tell whether nobody writes to a data dir any more."""
    try:
        Lock(data_dir).release()
    except DataDirBusy:
        return False
    return True


class Controlled(Protocol):
    """What a store can do."""

    settings: StoreSettings

    def forget(self, session_id: str) -> Deferred[int]:
        """Remove a session from everything that is kept."""

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Remove what is not to be kept."""


class ControlServer:
    """Looks for requests in the thread of the maintenance, and has the store serve them.

    :param reactor: used for ``callFromThread``.
    :param call: runs a job in the thread of the maintenance.
    """

    _log = Logger()

    def __init__(
        self, store: Controlled, mailbox: Mailbox, reactor: Any, call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._store, self._mailbox, self._reactor, self._call = store, mailbox, reactor, call
        self._opened = False

    def look(self) -> None:
        """Take the requests that are there; called in the thread of the maintenance."""
        try:
            if not self._opened:
                self._mailbox.open()
                self._opened = True
            found = self._mailbox.take()
        except OSError:  # a sick disk is told of by what must write to it; requests wait
            return
        for taken, request in found:
            self._reactor.callFromThread(self._begin, taken, request)

    def _begin(self, taken: Path, request: ControlRequest) -> None:
        """Serve a request, and answer where that cannot delay the reactor."""
        done = Deferred.fromCoroutine(serve(self._store, request)).addErrback(self._failed)
        done.addCallback(lambda reply: self._call(lambda: self._mailbox.answer(taken, reply)))
        done.addErrback(lambda failure: self._log.failure("a request could not be answered", failure))

    def _failed(self, failure: Failure) -> ControlReply:
        self._log.warn("a request could not be served: {error}", error=failure.value)
        return ControlReply(trouble=str(failure.value))


async def serve(store: Controlled, request: ControlRequest) -> ControlReply:
    """Do what is asked for.

    :raises Exception: whatever the store fails with.
    """
    if request.do == "forget":
        return ControlReply({session: await store.forget(session) for session in request.sessions})
    if request.do == "collect":
        wanted = {"retain_days": request.retain_days, "retain_size": request.retain_size}
        given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        return ControlReply(trouble=await store.collect(attr.evolve(store.settings, **given)))
    return ControlReply(trouble=f"this service does not know how to {request.do}")
