"""Wishes: how a command asks the service that writes a data dir for what only the writer may do.

A wish is a small file in a folder of the data dir, where only its owner can write. The service looks once a second,
takes a wish by renaming it, and writes the answer beside it. No port, no token: who may change the data dir may ask.
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
#: Seconds after which a service that has not taken a wish is not going to, and between two looks for the answer.
TAKEN_WITHIN, LOOK = 10.0, 0.1


class Wish(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a command asks for.

    :ivar do: ``forget`` sessions, or ``collect`` what retention no longer keeps.
    :ivar retain_days: days to keep, null for what the service keeps.
    :ivar retain_size: bytes to keep, null for what the service keeps.
    """

    do: str
    sessions: list[str] = []
    retain_days: float | None = None
    retain_size: int | None = None


class Granted(msgspec.Struct, frozen=True):
    """What came of it.

    :ivar counts: for each session, how many segments held it.
    :ivar trouble: why it could not be done, or not whole; empty when it was.
    """

    counts: dict[str, int] = {}
    trouble: str = ""


class WishBox:
    """The service's side. Used by one thread; what is no wish is passed over."""

    def __init__(self, files: Files, data_dir: Path) -> None:
        self._files = files
        self._folder = folder_of(data_dir)

    def open(self) -> None:
        """Make the folder, which tells commands that they may ask, and empty it of what an earlier service left."""
        self._files.make_directory(self._folder)
        for path in self._folder.iterdir():
            remove_if_there(self._files, path)

    def take(self) -> list[tuple[Path, Wish]]:
        """Take the wishes that are there; each is given to the caller once."""
        found = []
        for path in sorted(self._folder.glob("*" + ASKED)):
            taken = path.with_suffix(TAKEN)
            self._files.rename(path, taken)
            try:
                found.append((taken, msgspec.json.decode(read_all(self._files, taken), type=Wish)))
            except msgspec.MsgspecError as error:
                self.answer(taken, Granted(trouble=f"the wish is not understood: {error}"))
        return found

    def answer(self, taken: Path, granted: Granted) -> None:
        """Say what came of a wish.

        :raises OSError: when the disk does not take it.
        """
        replace_file(self._files, taken.with_suffix(ANSWERED), msgspec.json.encode(granted))
        remove_if_there(self._files, taken)


def ask(
    data_dir: Path,
    wish: Wish,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> Granted | None:
    """Ask the service that writes a data dir, and wait until it has answered.

    :return: what came of it; null when the service has ended meanwhile.
    :raises DataDirBusy: when it takes no wishes.
    :raises OSError: when the wish cannot be written.
    """
    files = Files()
    path = folder_of(data_dir) / f"{os.urandom(8).hex()}{ASKED}"
    if not path.parent.is_dir():
        raise DataDirBusy(f"The ccsproxy that writes to {data_dir} takes no requests.")
    replace_file(files, path, msgspec.json.encode(wish))
    try:
        return _answer(files, data_dir, path, clock, sleep)
    finally:
        for suffix in (ASKED, ANSWERED):
            remove_if_there(files, path.with_suffix(suffix))


def folder_of(data_dir: Path) -> Path:
    """Return where the wishes of a data dir are."""
    return data_dir / "wishes"


def _answer(
    files: Files, data_dir: Path, path: Path, clock: Callable[[], float], sleep: Callable[[float], Any]
) -> Granted | None:
    deadline = clock() + TAKEN_WITHIN
    while True:
        try:
            return msgspec.json.decode(read_all(files, path.with_suffix(ANSWERED)), type=Granted)
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


class Granting(Protocol):
    """What a store can do."""

    settings: StoreSettings

    def forget(self, session_id: str) -> Deferred[int]:
        """Remove a session."""

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Remove what is not to be kept."""


class Grants:
    """Looks for wishes in the thread of the upkeep, and has the store grant them.

    :param reactor: used for ``callFromThread``.
    :param call: runs a job in the thread of the upkeep.
    """

    _log = Logger()

    def __init__(
        self, store: Granting, wishes: WishBox, reactor: Any, call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._store, self._wishes, self._reactor, self._call = store, wishes, reactor, call
        self._opened = False

    def look(self) -> None:
        """Take the wishes that are there; called in the thread of the upkeep."""
        try:
            if not self._opened:
                self._wishes.open()
                self._opened = True
            found = self._wishes.take()
        except OSError:  # a sick disk is told of by what must write to it; wishes wait
            return
        for taken, wish in found:
            self._reactor.callFromThread(self._begin, taken, wish)

    def _begin(self, taken: Path, wish: Wish) -> None:
        """Grant a wish, and answer where that cannot delay the reactor."""
        done = Deferred.fromCoroutine(grant(self._store, wish)).addErrback(self._failed)
        done.addCallback(lambda granted: self._call(lambda: self._wishes.answer(taken, granted)))
        done.addErrback(lambda failure: self._log.failure("a wish could not be answered", failure))

    def _failed(self, failure: Failure) -> Granted:
        self._log.warn("a wish could not be granted: {error}", error=failure.value)
        return Granted(trouble=str(failure.value))


async def grant(store: Granting, wish: Wish) -> Granted:
    """Do what is asked for.

    :raises Exception: whatever the store fails with.
    """
    if wish.do == "forget":
        return Granted({session: await store.forget(session) for session in wish.sessions})
    if wish.do == "collect":
        wanted = {"retain_days": wish.retain_days, "retain_size": wish.retain_size}
        given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        return Granted(trouble=await store.collect(attr.evolve(store.settings, **given)))
    return Granted(trouble=f"this service does not know how to {wish.do}")
