"""From shipped records to spans: sessions are assembled, and their trees are cut at the records."""

from collections.abc import Callable, Iterable, Sequence

from ccsproxy.insight.facts import Call
from ccsproxy.ship.otlp.calls import Record
from ccsproxy.ship.otlp.history import SessionHistory
from ccsproxy.ship.otlp.span import Span
from ccsproxy.ship.otlp.tree import SessionTree


class SpanEncoder:
    """Makes the spans for batches of records, in order. Not thread-safe."""

    def __init__(self, content: bool, kept: Callable[[str], Iterable[Call]] = lambda session_id: ()) -> None:
        """Create the encoder.

        :param content: whether content is sent.
        :param kept: see `SessionHistory`.
        """
        self._content = content
        self.history = SessionHistory(kept)

    def spans(self, records: Sequence[Record], whole: Sequence[Record] | None = None) -> list[Span]:
        """Return the spans completed by some records; deterministic for the same records.

        :param whole: the same records with their content, if `records` lack it: the structure depends on the content,
        even if that is not sent.
        """
        by_session: dict[str, dict[int, Record]] = {}
        for record in records:
            by_session.setdefault(str(record["session_id"]), {})[int(record["seq"])] = record
        by_call = {(record["session_id"], record["seq"]): record for record in whole or ()}
        found: list[Span] = []
        for session_id, fresh in by_session.items():
            facts = [by_call.get((session_id, seq), record) for seq, record in fresh.items()]
            session = self.history.add(session_id, facts)
            found += SessionTree(session_id, session, fresh, self._content).spans()
        return found
