"""Feeds the index: a thread that reads new lines of the segments and indexes them.

It follows the files themselves, each from the mark that the index stores for it. Catching up after a crash,
rebuilding a lost index and following a running writer are therefore the same work, and the writer only signals that
something was written: it never waits, and nothing queues up.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.file import IndexMoved, damaged, remove_all
from ccsproxy.store.index.follower import Follower
from ccsproxy.store.index.fresh_lines import FreshLines
from ccsproxy.store.index.index import Index
from ccsproxy.store.index.room import IndexRoom, disk_is_full
from ccsproxy.store.observer import AT_WORK, FreshLine
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.summary import Price

#: A round begins when this many lines wait, or this many seconds after the first of them.
BATCH_LINES, BATCH_S = 1000, 0.25
#: Interval in seconds at which the folder is read without a signal.
LOOK_S = 5.0
#: How long facts of calls are made in one round, in seconds; new lines wait as long.
FACTS_S = 0.2
#: How long the first retry after a failure waits, and the longest, in seconds.
RETRY_S, LONGEST_RETRY_S = 1.0, 4.0
#: How long nothing is logged of further failures after one was, in seconds; they are counted.
QUIET_S = 60.0
#: How long the end of a batch, and folding the WAL into the index, may take at the end, in seconds.
CLOSING_S = 3.0


class IndexFeeder:
    """Feeds the index from the segments, in a thread of its own.

    :param data_dir: the directory with segments and index.
    :param price: computes what a call costs.
    :ivar may_work: called before each round; while it returns false, another process owns the index.
    """

    _log = Logger()

    def __init__(self, data_dir: Path, price: Price = list_price) -> None:
        self.may_work: Callable[[], bool] = lambda: True
        self._data_dir = data_dir
        self._price = price
        self._lines, self._fresh = SegmentLines(data_dir), FreshLines()
        self._index: Index | None = None
        self._changed = threading.Condition()
        self._stopping = False
        self._until = 0.0
        self._unread = 0
        self._begun = self._ended = 0
        self._state = "rebuilding"
        self._taken = 0
        self._forgotten = self._rewritten = self._erased = 0
        self._left = ""
        self._set_aside = 0
        self._room = IndexRoom(data_dir)
        self._failures = 0
        self._trouble, self._quiet_until = "", 0.0
        self._rested = False
        self._thread = threading.Thread(target=self._run, name="ccsproxy-index", daemon=True)

    def start(self) -> None:
        """Start following the segments, in a thread of its own."""
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Index what is written, close the index and end the thread; the rest is indexed at the next start.

        :param timeout: maximum duration of the indexing, in seconds.
        """
        with self._changed:
            self._until = time.monotonic() + timeout
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout + CLOSING_S)

    def wrote(self, lines: int, fresh: Sequence[FreshLine] = ()) -> None:
        """Note that lines were written, and keep them for indexing."""
        self._fresh.add(fresh)
        self._hear(lines)

    def changed(self) -> None:
        """Note that segments were added, removed or compressed."""
        self._hear(BATCH_LINES)

    def forgotten(self) -> None:
        """Note that something was removed that must not be found any more."""
        self._forgotten += 1
        self._hear(BATCH_LINES)

    def left_of_forgotten(self) -> str:
        """Return why something that was removed may still be in the index; empty if nothing is."""
        if self._erased == self._forgotten or not self._thread.is_alive():
            return ""
        return self._left or AT_WORK

    def state(self) -> dict[str, Any]:
        """Return the state of the index.

        :return: ``state`` (``ok``, ``rebuilding``, ``degraded``, or ``full`` while the disk has no room for it),
            ``trouble``, why it cannot be updated at the moment, ``failures``, how many attempts failed, ``taken``,
            the lines indexed so far, ``set_aside``, lines that cannot be indexed and are not retried, and
            ``skipped``, the segments that cannot be read.
        """
        return {
            "state": self._state,
            "trouble": self._trouble,
            "failures": self._failures,
            "taken": self._taken,
            "set_aside": self._set_aside,
            "skipped": sorted(self._lines.skipped),
        }

    def caught_up(self, timeout: float) -> bool:
        """Wait until everything written so far has been indexed.

        :param timeout: maximum wait in seconds.
        :return: whether that was reached.
        """
        with self._changed:
            wanted = self._begun + 1
            self._unread += BATCH_LINES
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._ended >= wanted, timeout)

    def _hear(self, lines: int) -> None:
        """Wake the thread for the first line and for a full batch."""
        with self._changed:
            # Two wakings for a batch, not one for each line: the first line starts the clock, the last ends the wait.
            before, self._unread = self._unread, self._unread + lines
            if before == 0 or before < BATCH_LINES <= self._unread:
                self._changed.notify_all()

    def _run(self) -> None:
        """Run rounds until stopped; after a failure, wait a little and continue."""
        retry = RETRY_S
        while True:
            # Read before the round, so that lines written before the stop was requested are indexed by this round.
            last = self._stopping
            try:
                self._round()
            except Exception as reason:
                self._fail(reason)
                self._sleep(retry)
                retry = min(retry * 2, LONGEST_RETRY_S)
            else:
                retry = RETRY_S
                self._wait()
            if last:
                break
        self._close()

    def _wait(self) -> None:
        """Wait for something to do; then until a batch is full, or old enough."""
        with self._changed:
            look = LOOK_S if self._erased == self._forgotten else RETRY_S
            self._changed.wait_for(lambda: self._unread or self._stopping, look)
            self._changed.wait_for(lambda: self._unread >= BATCH_LINES or self._stopping, BATCH_S)
            self._unread = 0

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)

    def _round(self) -> None:
        """Bring the index up to the segments."""
        with self._changed:
            self._begun += 1
        if not self.may_work():
            self._close()
            self._state = "degraded"
            return
        if not self._has_room():
            return
        # The index file was deleted so that it is rebuilt; our open file has no name any more.
        if self._index is not None and self._index.replaced():
            self._close()
        if self._index is None:
            self._index = Index(self._data_dir, self._price)
            self._state = "rebuilding" if self._index.new else self._state
            self._set_aside = self._index.set_aside
        taken, forgotten = self._taken, self._forgotten
        try:
            Follower(self._index, self._lines, self._count, self._in_time, self._fresh).catch_up()
        except IndexMoved:
            self._index = None
            self._round()
            return
        if forgotten != self._erased:
            self._erase(self._index, forgotten)
        self._make_facts(self._index)
        self._rest(self._index, busy=self._taken != taken)
        self._recovered()
        with self._changed:
            self._state = "ok"
            self._ended = self._begun
            self._changed.notify_all()

    def _rest(self, index: Index, busy: bool) -> None:
        """Pack the index, and empty its WAL, in the first round that has nothing else to do."""
        if busy:
            self._set_aside = index.set_aside
        elif not self._rested:
            index.rest()
        self._rested = not busy

    def _has_room(self) -> bool:
        """Return whether the disk has room for an index; if not, it is removed, because records come first."""
        if self._room.is_there():
            return True
        # The first time that room is short, the WAL may be all that is too much.
        if not self._room.given_up:
            self._close()  # which empties the WAL
            if self._room.is_there():
                return True
            self._complain("the disk is nearly full, so the index is given up until there is room for it again")
            self._room.give_up()
        self._state = "full"
        return False

    def _erase(self, index: Index, forgotten: int) -> None:
        """Erase what was removed from every file of the index; a failure is retried in the next round."""
        # The expensive half is done: only a reader still holds the WAL, and rewriting the index would not change
        # that.
        if self._rewritten == forgotten:
            self._left = index.empty_wal()
        else:
            self._left = index.squeeze(self._lines)
            self._rewritten = forgotten
        if not self._left:
            self._erased = forgotten

    def _make_facts(self, index: Index) -> None:
        """Build facts of calls for a while; the rest is built in the next round, which begins soon."""
        end = time.monotonic() + FACTS_S
        if index.facts.make(self._lines, lambda: time.monotonic() < end and not self._stopping):
            with self._changed:
                self._unread += 1

    def _in_time(self) -> bool:
        return not self._stopping or time.monotonic() < self._until

    def _count(self, lines: int, size: int) -> None:
        self._taken += lines

    def _fail(self, reason: Exception) -> None:
        """Close the index; delete it if it is damaged or too large, so that a later round starts a new one."""
        self._state, self._left = "degraded", str(reason)
        self._failures += 1
        if isinstance(reason, OSError | sqlite3.Error):
            self._complain(f"the index cannot be kept up and is tried again: {reason}")
        elif not self._trouble:  # a bug: its place is logged once, not at each retry
            self._log.failure("the index could not be updated; retrying")
            self._trouble = repr(reason)
        self._close()
        try:
            if disk_is_full(reason):
                self._state = "full"
                self._room.give_up(refused=True)
            elif isinstance(reason, sqlite3.Error) and damaged(reason):
                self._state = "rebuilding"
                remove_all(self._data_dir)
        except OSError as kept:
            self._left = str(kept)  # it is in the way still, and the next round fails in the same way

    def _complain(self, sentence: str) -> None:
        """Log a problem, once until it is solved, so that a disk that fails occasionally does not flood the log."""
        if not self._trouble and time.monotonic() >= self._quiet_until:
            self._log.error("{sentence}", sentence=sentence)
            self._quiet_until = time.monotonic() + QUIET_S
        self._trouble = sentence

    def _recovered(self) -> None:
        self._room.taken()
        if self._trouble:
            self._log.info("the index is kept up again")
        self._trouble = ""

    def _close(self) -> None:
        if self._index is not None:
            index, self._index = self._index, None
            try:
                index.close()
            except sqlite3.Error as reason:  # what was committed is in its WAL, which the next start reads
                self._complain(f"the index could not be closed: {reason}")
