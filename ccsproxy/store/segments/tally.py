"""Counts what a segment holds, line by line; its footer is written from that."""

from collections.abc import Mapping

from ccsproxy.exchange.codec import RecordHead
from ccsproxy.store.segments.segment import Footer


class Tally:
    """Counts the lines of one segment.

    :ivar records: records seen.
    :ivar started: ``started`` lines seen.
    :ivar damaged: lines that fail verification.
    :ivar sessions: the highest sequence number of each session.
    :ivar pending: started but not ended here: id to the location of the ``started`` line.
    :ivar ended: ended but not started here.
    """

    def __init__(self) -> None:
        self.records = 0
        self.started = 0
        self.damaged = 0
        self.sessions: dict[str, int] = {}
        self.pending: dict[str, tuple[int, int]] = {}
        self.ended: set[str] = set()
        self.replaces: list[str] = []

    def add(self, head: RecordHead, offset: int, length: int) -> None:
        """Count a record or a ``started`` line; other events are ignored."""
        if head.event == "record":
            self.records += 1
            if self.pending.pop(head.id, None) is None:
                self.ended.add(head.id)
        elif head.event == "started":
            self.started += 1
            if head.id in self.ended:
                self.ended.remove(head.id)
            else:
                self.pending[head.id] = (offset, length)
        else:
            return
        raise_to(self.sessions, head.session_id, head.seq)

    def footer(self, length: int, closed_at: str) -> Footer:
        """Return the footer of a segment that is being closed.

        :param length: bytes before the footer.
        :param closed_at: RFC 3339.
        """
        return Footer(
            sessions=self.sessions,
            records=self.records,
            started=self.started,
            pending=self.pending,
            ended=sorted(self.ended),
            length=length,
            closed_at=closed_at,
            damaged=self.damaged,
            replaces=self.replaces,
        )


def raise_to(marks: dict[str, int], session_id: str, seq: int) -> None:
    """Raise a session's mark to a sequence number, never lower it."""
    if session_id and seq > marks.get(session_id, 0):
        marks[session_id] = seq


def merge_marks(marks: dict[str, int], others: Mapping[str, int]) -> None:
    """Raise the marks of all sessions in another mapping."""
    for session_id, seq in others.items():
        raise_to(marks, session_id, seq)
