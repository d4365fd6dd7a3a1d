"""The control channel: how a command asks the service that writes a data directory to change it.

A request is a row in the state of the data directory, which only its owner can change. The service checks for
requests once a second, takes them, and writes their status beside them. There is no port and no token: whoever may
change the data directory may request. A requested removal outlives the command and the service: it is retried until
nothing is left of the session.
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

#: Seconds after which a service that has not taken a request never will, and between two checks for the reply.
TAKEN_WITHIN, LOOK = 10.0, 0.1
#: How many seconds a command waits for a removal that has failed so far; the service continues without it.
TROUBLE_WITHIN = 20.0
#: Seconds before the service retries what could not be completed.
RETRY = 1.0


class ControlRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A command's request.

    :ivar do: ``forget`` sessions, or ``collect`` what retention no longer keeps.
    :ivar retain_days: days to keep, null for the service's setting.
    :ivar retain_size: bytes to keep, null for the service's setting.
    """

    do: str
    sessions: list[str] = []
    retain_days: float | None = None
    retain_size: int | None = None


class ControlReply(msgspec.Struct, frozen=True):
    """The result of a request; it names no session, because it may outlive one.

    :ivar counts: for each session of the request, how many segments contained it; null if it is not removed yet.
    :ivar trouble: why it failed or is incomplete; empty on success.
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
    """Send a request to the service that writes a data directory, and wait for the reply.

    :return: the result, null if the service has ended meanwhile. A removal that failed so far continues.
    :raises DataDirBusy: if it accepts no requests.
    :raises StateError: if the request cannot be written.
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
                # Not at the first check: a service that is just starting holds the lock only after its recovery.
                if self._is_over(job, stands):
                    return None
                deadline = at + TAKEN_WITHIN
            self._sleep(LOOK)
        return None

    def _is_over(self, job: int, stands: str) -> bool:
        """Tell whether no reply will come, and withdraw the request in that case.

        :raises DataDirBusy: if a service is running and does not take it.
        """
        if _is_free(self._data_dir):
            self._state.withdraw(job)
            return True
        # In one statement: a request that is being taken at this moment must not be withdrawn.
        if stands == "asked" and self._state.withdraw(job, only="asked"):
            raise DataDirBusy(f"The ccsproxy that writes to {self._data_dir} does not take the request.")
        return False


def _is_free(data_dir: Path) -> bool:
    """Tell whether nothing writes to a data directory any more."""
    try:
        Lock(data_dir).release()
    except DataDirBusy:
        return False
    return True


class Controlled(Protocol):
    """The operations of a store that can be requested."""

    settings: StoreSettings

    def forget(self, session_id: str) -> Deferred[int]:
        """Remove a session from everything that is kept."""

    def erase(self, sessions: Sequence[str]) -> Deferred[str]:
        """Ensure that nothing is left of removed sessions; return why something is."""

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Remove what retention does not keep."""


class ControlServer:
    """Checks for requests in the maintenance thread, and lets the store serve them.

    :param reactor: used for ``callFromThread`` and ``callLater``.
    :param call: runs a job in the maintenance thread.
    """

    _log = Logger()

    def __init__(
        self, store: Controlled, state: State, reactor: Any, call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._store, self._state, self._reactor, self._call = store, state, reactor, call
        self._opened = self._stopped = False
        self._waits: set[Deferred[None]] = set()

    def look(self) -> None:
        """Take the pending requests, at first also those left by an earlier service; called in the maintenance
        thread.
        """
        try:
            if not self._opened:
                self._state.begin_jobs()
                self._opened = True
            found = self._state.take_jobs()
        # Called each second: logging it here could fill a disk that may be full already.
        except StateError:  # code that must read the state reports this; requests wait
            return
        for job, data in found:
            self._reactor.callFromThread(self._begin, job, data)

    def stop(self) -> None:
        """Leave unfinished requests to the next service."""
        self._stopped = True
        for wait in tuple(self._waits):
            wait.cancel()

    def _begin(self, job: int, data: bytes) -> None:
        done_but_not_said = b'{"do":"forget"}'  # a removal whose request was erased from the state
        try:
            request = msgspec.json.decode(data or done_but_not_said, type=ControlRequest)
        except msgspec.MsgspecError as error:
            self._answer(job, ControlReply(trouble=f"the request is not understood: {error}"), done=True)
            return
        done = Deferred.fromCoroutine(self._serve(job, request))
        done.addErrback(lambda failure: self._log.failure("a request could not be served", failure))

    async def _serve(self, job: int, request: ControlRequest) -> None:
        """Serve a request; retry a removal until it is complete."""
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
            # An index that has not got to it yet is not a problem that anybody could solve.
            if trouble != AT_WORK:
                self._answer(job, reply, done=False)
            await self._pause()

    async def _pause(self) -> None:
        wait: Deferred[None] = deferLater(self._reactor, RETRY, lambda: None)
        self._waits.add(wait)
        await wait.addErrback(lambda failure: failure.trap(CancelledError))
        self._waits.discard(wait)

    def _answer(self, job: int, reply: ControlReply, done: bool) -> None:
        """Write the status of a request."""
        data = msgspec.json.encode(reply)

        def answer() -> None:
            self._state.answer(job, data, done)

        # An interim status is not retried: the next attempt has a newer one, which must not be overwritten later.
        self._until_written(answer, retried=done)

    def _finish(self, job: int, reply: ControlReply) -> None:
        """Report a removal as done once the request itself, which names the sessions, has been erased."""

        def finish() -> None:
            self._state.wipe(job)
            self._state.erase()
            self._state.answer(job, msgspec.json.encode(reply), done=True)

        self._until_written(finish)

    def _until_written(self, write: Callable[[], None], retried: bool = True) -> None:
        """Change the state in the maintenance thread, where it delays nobody; while it cannot be written, retry."""

        def write_or_wait() -> None:
            try:
                write()
            except StateError:
                if retried:
                    self._reactor.callFromThread(wait)

        def wait() -> None:
            again = Deferred.fromCoroutine(self._pause())
            again.addCallback(lambda _: None if self._stopped else self._call(write_or_wait))

        self._call(write_or_wait)

    def _trouble_of(self, failure: Failure) -> ControlReply:
        self._log.warn("a request could not be served: {error}", error=failure.value)
        return ControlReply(trouble=str(failure.value))


async def remove(store: Controlled, sessions: Sequence[str], counts: dict[str, int]) -> str:
    """Remove sessions, and ensure that nothing is left of them.

    :param counts: for each removed session, how many segments contained it; sessions in it are not removed again.
    :return: why it is incomplete, empty if it is complete.
    """
    trouble = ""
    for session in sessions:
        if session not in counts:
            try:
                counts[session] = await store.forget(session)
            except Exception as error:  # the other sessions are removed nevertheless
                trouble = str(error)
    return trouble or await store.erase(sessions)


async def collect(store: Controlled, request: ControlRequest) -> ControlReply:
    """Remove what is not kept by the request's settings, or else by the service's.

    :raises Exception: any exception of the store.
    """
    if request.do != "collect":
        return ControlReply(trouble=f"this service does not know how to {request.do}")
    wanted = {"retain_days": request.retain_days, "retain_size": request.retain_size}
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    return ControlReply(trouble=await store.collect(attr.evolve(store.settings, **given)))
