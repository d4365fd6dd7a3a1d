"""The control channel: how a command asks the service that writes a data directory to change it.

A request is a row in the state of the data dir, which only its owner can change. The service looks once a second,
takes it, and writes beside it how it stands. No port, no token: who may change the data dir may ask. A removal that
was asked for outlives the command and the service: it is tried again until nothing is left of the session.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import attr
import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.store.directory import DataDirBusy, Lock
from ccsproxy.store.observer import AT_WORK
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State, StateError

#: Seconds after which a service that has not taken a request is not going to, and between two looks for the reply.
TAKEN_WITHIN, LOOK = 10.0, 0.1
#: For how many seconds a command waits for a removal that has met trouble; the service goes on without it.
TROUBLE_WITHIN = 20.0
#: How long the service waits before it tries again what could not be done whole, in seconds.
RETRY = 1.0


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
    """What came of it; it names no session, since it may outlive one.

    :ivar counts: for each session of the request, how many segments held it; null for one that is not removed yet.
    :ivar trouble: why it could not be done, or not whole yet; empty when it was.
    """

    counts: list[int | None] = []
    trouble: str = ""


def forgotten_by(data: bytes) -> list[str]:
    """Return the sessions that a request wants to be removed."""
    try:
        request = msgspec.json.decode(data, type=ControlRequest)
    except msgspec.MsgspecError:
        return []
    return request.sessions if request.do == "forget" else []


def ask(
    data_dir: Path,
    request: ControlRequest,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> ControlReply | None:
    """Ask the service that writes a data dir, and wait until it has answered.

    :return: what came of it, null when the service has ended meanwhile. A removal with trouble goes on.
    :raises DataDirBusy: when it takes no requests.
    :raises StateError: when the request cannot be written.
    """
    state = State(data_dir)
    try:
        return _Asking(data_dir, state, clock, sleep).wait(state.ask_for(msgspec.json.encode(request)))
    finally:
        state.close()


class _Asking:
    """A command that waits for the reply to one request."""

    def __init__(
        self, data_dir: Path, state: State, clock: Callable[[], float], sleep: Callable[[float], Any]
    ) -> None:
        self._data_dir, self._state, self._clock, self._sleep = data_dir, state, clock, sleep

    def wait(self, job: int) -> ControlReply | None:
        deadline = self._clock() + TAKEN_WITHIN
        give_up: float | None = None
        while found := self._state.job(job):
            at, (stands, data) = self._clock(), found
            reply = msgspec.json.decode(data, type=ControlReply) if data else ControlReply()
            if stands == "done":
                self._state.withdraw(job)
                return reply
            give_up = (give_up or at + TROUBLE_WITHIN) if reply.trouble else None
            if give_up is not None and at >= give_up:
                return reply
            if at >= deadline:
                # Not at the first look: a service that is just starting holds the lock only when its recovery is
                # done.
                if self._is_over(job, stands):
                    return None
                deadline = at + TAKEN_WITHIN
            self._sleep(LOOK)
        return None

    def _is_over(self, job: int, stands: str) -> bool:
        """Tell whether nobody is going to answer, and take the request back then.

        :raises DataDirBusy: when a service is there and does not take it.
        """
        if _is_free(self._data_dir):
            self._state.withdraw(job)
            return True
        # In one statement with the look: a request that is taken in this very moment must not be taken back.
        if stands == "asked" and self._state.withdraw(job, only="asked"):
            raise DataDirBusy(f"The ccsproxy that writes to {self._data_dir} does not take the request.")
        return False


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

    def erase(self, sessions: Sequence[str]) -> Deferred[str]:
        """See that nothing is left of removed sessions, and say why something is."""

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Remove what is not to be kept."""


class ControlServer:
    """Looks for requests in the thread of the maintenance, and has the store serve them.

    :param reactor: used for ``callFromThread`` and ``callLater``.
    :param call: runs a job in the thread of the maintenance.
    """

    _log = Logger()

    def __init__(
        self, store: Controlled, state: State, reactor: Any, call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._store, self._state, self._reactor, self._call = store, state, reactor, call
        self._opened = self._stopped = False
        self._waits: set[Deferred[None]] = set()

    def look(self) -> None:
        """Take the requests that are there, and at first those that an earlier service left; called in the thread."""
        try:
            if not self._opened:
                self._state.begin_jobs()
                self._opened = True
            found = self._state.take_jobs()
        # Each second, in the thread of the maintenance: logging it here would fill a disk that is full perhaps
        # already.
        except StateError:  # what must read the state tells of it; requests wait
            return
        for job, data in found:
            self._reactor.callFromThread(self._begin, job, data)

    def stop(self) -> None:
        """Leave what is not done to the next service."""
        self._stopped = True
        for wait in tuple(self._waits):
            wait.cancel()

    def _begin(self, job: int, data: bytes) -> None:
        done_but_not_said = b'{"do":"forget"}'  # a removal that was wiped out of the state
        try:
            request = msgspec.json.decode(data or done_but_not_said, type=ControlRequest)
        except msgspec.MsgspecError as error:
            self._answer(job, ControlReply(trouble=f"the request is not understood: {error}"), done=True)
            return
        done = Deferred.fromCoroutine(self._serve(job, request))
        done.addErrback(lambda failure: self._log.failure("a request could not be served", failure))

    async def _serve(self, job: int, request: ControlRequest) -> None:
        """Serve a request; a removal again and again, until it is whole."""
        if request.do != "forget":
            reply = await Deferred.fromCoroutine(collect(self._store, request)).addErrback(self._trouble_of)
            self._answer(job, reply, done=True)
            return
        counts: dict[str, int] = {}
        while not self._stopped:
            removal = Deferred.fromCoroutine(remove(self._store, request.sessions, counts))
            trouble: str = await removal.addErrback(lambda failure: str(failure.value))
            if self._stopped:
                return
            reply = ControlReply([counts.get(session) for session in request.sessions], trouble)
            if not trouble:
                self._finish(job, reply)
                return
            # That the index has not come to it yet is no trouble that anybody could do something about.
            if trouble != AT_WORK:
                self._answer(job, reply, done=False)
            await self._pause()

    async def _pause(self) -> None:
        wait: Deferred[None] = deferLater(self._reactor, RETRY, lambda: None)
        self._waits.add(wait)
        await wait.addErrback(lambda failure: failure.trap(CancelledError))
        self._waits.discard(wait)

    def _answer(self, job: int, reply: ControlReply, done: bool) -> None:
        """Say how a request stands, where that cannot delay the reactor."""
        data = msgspec.json.encode(reply)
        self._call(lambda: self._state.answer(job, data, done))

    def _finish(self, job: int, reply: ControlReply) -> None:
        """Say that a removal is done, when the request itself, which names the sessions, is wiped out."""

        def finish() -> None:
            self._state.wipe(job)
            self._state.erase()
            self._state.answer(job, msgspec.json.encode(reply), done=True)

        def finish_or_wait() -> None:
            try:
                finish()
            except StateError:
                self._reactor.callFromThread(wait)

        def wait() -> None:
            again = Deferred.fromCoroutine(self._pause())
            again.addCallback(lambda _: None if self._stopped else self._call(finish_or_wait))

        self._call(finish_or_wait)

    def _trouble_of(self, failure: Failure) -> ControlReply:
        self._log.warn("a request could not be served: {error}", error=failure.value)
        return ControlReply(trouble=str(failure.value))


async def remove(store: Controlled, sessions: Sequence[str], counts: dict[str, int]) -> str:
    """Remove sessions, and see that nothing is left of them.

    :param counts: for each session that is removed, how many segments held it; what is in it is not done again.
    :return: why it is not done, empty when it is.
    """
    trouble = ""
    for session in sessions:
        if session not in counts:
            try:
                counts[session] = await store.forget(session)
            except Exception as error:  # the others are removed all the same
                trouble = str(error)
    return trouble or await store.erase(sessions)


async def collect(store: Controlled, request: ControlRequest) -> ControlReply:
    """Remove what is not to be kept, as the request says or else as the service does.

    :raises Exception: whatever the store fails with.
    """
    if request.do != "collect":
        return ControlReply(trouble=f"this service does not know how to {request.do}")
    wanted = {"retain_days": request.retain_days, "retain_size": request.retain_size}
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    return ControlReply(trouble=await store.collect(attr.evolve(store.settings, **given)))
