"""A leaner poll loop for Twisted's epoll reactor: the same work per event, without a log context around it.

`twisted.internet.epollreactor.EPollReactor.doPoll` wraps every event in ``callWithLogger``, which names the source in
legacy log messages and costs as much as reading the socket. Events that only signal readability are handled directly
here; all others go Twisted's own way. Private attributes of the reactor are touched in this module only;
`test.runtime.test_epoll` pins what it relies on.
"""

import errno
from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger
from twisted.python import log as legacy

from ccsproxy.runtime.write_batch import MOST, WriteBatch

_log = Logger()


class FastEpoll:
    """Polls once and handles the events; replaces a reactor's ``doIteration``."""

    def __init__(self, reactor: Any, write_batch: WriteBatch) -> None:
        self._reactor = reactor
        self._write_batch = write_batch
        self._selectables: dict[int, Any] = reactor._selectables
        self._poll = reactor._poller.poll

    def __call__(self, timeout: float | None) -> None:
        """Wait for events, and handle each.

        :param timeout: how long to wait in seconds, None for ever.
        """
        selectables, write_batch = self._selectables, self._write_batch
        waiting = write_batch.waiting
        if waiting:
            # A timer or a thread has written. The timeout was computed before that: what the flush schedules with
            # callLater(0) would otherwise wait for the next event.
            write_batch.flush()
            timeout = self._sooner(timeout)
        try:
            events = self._poll(-1 if timeout is None else timeout, len(selectables))
            if not events and timeout:
                # A timer is due. If we were stopped meanwhile (Ctrl-Z), the interrupted poll has not checked again:
                # what peers have sent is read before any timer acts.
                events = self._poll(0, len(selectables))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for descriptor, event in events:
            # An earlier event of this turn may have closed it.
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue
            # Only readability: with an error or a hang-up as well, Twisted's own order of checks matters.
            if event == EPOLLIN:
                self._read(selectable)
            else:
                legacy.callWithLogger(selectable, self._reactor._doReadOrWrite, selectable, descriptor, event)
            if len(waiting) >= MOST:
                write_batch.flush()
        if waiting:
            write_batch.flush()

    def _sooner(self, timeout: float | None) -> float | None:
        """Return the maximum time to wait, now that more may have been scheduled."""
        now: float | None = self._reactor.timeout()
        return timeout if now is None else now if timeout is None else min(timeout, now)

    def _read(self, selectable: Any) -> None:
        """Let a selectable read; one that fails or is done is disconnected."""
        try:
            why = selectable.doRead()
        except BaseException as error:
            _log.failure("reading failed")
            why = error
        if why:
            self._reactor._disconnectSelectable(selectable, why, True)


def install_fast_epoll(reactor: Any, write_batch: WriteBatch) -> bool:
    """Make a reactor poll with `FastEpoll`.

    :param write_batch: flushed in each turn from now on.
    :return: whether the reactor supports it; others are left alone.
    """
    lean = type(reactor) is EPollReactor
    if lean:
        reactor.doIteration = FastEpoll(reactor, write_batch)
        write_batch.collecting = True
    return lean
