"""The sessions of shipped calls, as far as the structure of spans depends on earlier calls.

Facts come from the shipped calls and, for a session that is not in memory, from the store's index. Without either, a
call is known alone: it keeps its place in the session, but not its turn.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from twisted.logger import Logger

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.facts import Call
from ccsproxy.insight.session import Session
from ccsproxy.ship.otlp.calls import Record

#: Maximum number of sessions in memory, and of calls in all of them; the most recent one is kept whatever its length.
MOST_SESSIONS, MOST_CALLS = 64, 20_000


class KnownSession:
    """The calls of one session, by their numbers."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._collector = Collector()
        self.calls = {call.seq: call for call in calls}
        for call in self.calls.values():
            # Known items are not examined again: facts share the items of earlier calls.
            for item in call.items:
                self._collector.know(item)

    def add(self, record: Record) -> None:
        """Add the facts of a call unless they are known."""
        if record["seq"] not in self.calls:
            self.calls[record["seq"]] = self._collector.collect(record)


class SessionHistory:
    """Keeps the sessions that were shipped last.

    Invariant: at most `MOST_CALLS` calls are kept, not counting those of the last session.
    """

    _log = Logger()

    def __init__(self, kept: Callable[[str], Iterable[Call]] = lambda session_id: ()) -> None:
        """Create an empty history.

        :param kept: returns the facts that the index has of a session; may raise.
        """
        self._kept = kept
        self._sessions: OrderedDict[str, KnownSession] = OrderedDict()

    def add(self, session_id: str, records: Iterable[Record]) -> Session:
        """Add calls to a session, and return everything that is known of it."""
        known = self._sessions.get(session_id)
        if known is None:
            known = self._sessions[session_id] = KnownSession(self._earlier(session_id))
        self._sessions.move_to_end(session_id)
        for record in records:
            known.add(record)
        self._forget()
        return Session(known.calls.values())

    def drop(self, session_id: str) -> None:
        """Drop a session that was deleted."""
        self._sessions.pop(session_id, None)

    def _earlier(self, session_id: str) -> list[Call]:
        try:
            return list(self._kept(session_id))
        except Exception:
            self._log.failure("a session's earlier calls could not be read; its spans lack their turns")
            return []

    def _forget(self) -> None:
        # The current one stays, since the very next record needs it.
        while len(self._sessions) > 1 and (len(self._sessions) > MOST_SESSIONS or self._size() > MOST_CALLS):
            self._sessions.popitem(last=False)

    def _size(self) -> int:
        return sum(len(each.calls) for each in self._sessions.values())
