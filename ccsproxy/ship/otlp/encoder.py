"""From shipped records to spans: sessions are put together, and their trees cut where the records are."""

from collections.abc import Callable, Iterable, Sequence

from ccsproxy.insight.facts import Call
from ccsproxy.ship.otlp.calls import Record
from ccsproxy.ship.otlp.history import SessionHistory
from ccsproxy.ship.otlp.span import Span
from ccsproxy.ship.otlp.tree import SessionTree


class SpanEncoder:
    """Makes the spans of batches of records, in their order. Not for several threads at once."""

    def __init__(self, content: bool, kept: Callable[[str], Iterable[Call]] = lambda session_id: ()) -> None:
        """Make one.

        :param content: whether what was said is sent.
        :param kept: see `SessionHistory`.
        """
        self._content = content
        self.history = SessionHistory(kept)

    def spans(self, records: Sequence[Record], whole: Sequence[Record] | None = None) -> list[Span]:
        """Return the spans that are over with some records; the same for the same records.

        :param whole: the same records with their content, where `records` lack it: structure is told by what was
            said, also where that is not sent.
        """
        by_session: dict[str, dict[int, Record]] = {}
        for record in records:
            by_session.setdefault(str(record["session_id"]), {})[int(record["seq"])] = record
        told = {(record["session_id"], record["seq"]): record for record in whole or ()}
        found: list[Span] = []
        for session_id, fresh in by_session.items():
            facts = [told.get((session_id, seq), record) for seq, record in fresh.items()]
            session = self.history.add(session_id, facts)
            found += SessionTree(session_id, session, fresh, self._content).spans()
        return found
