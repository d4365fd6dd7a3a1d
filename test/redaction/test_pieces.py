"""Tests for `ccsproxy.redaction.streams.pieces`: two ways to cut an event stream, one result."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.streams.pieces import Piece, _any_sse, _sse, pieces_of
from test.effort import effort

LINES = (
    *("event: a\n", 'data: {"a":1}\n', "data:x\n", "data\n", "\n", "id: 3\n", ": c\n", "\r\n", "data: y\r\n", "\r"),
    *("\ufeffdata: q\n", "dat", "data: ", '{"b":[1]}', "event: b\r\n"),
)


def told(pieces: list[Piece]) -> list[tuple[object, ...]]:
    """Return what the pieces are, plain text that follows plain text as one."""
    result: list[tuple[object, ...]] = []
    for piece in pieces:
        raw = piece.render()
        if not piece.json and piece.root == [raw]:
            if result and result[-1][0] == "plain":
                result[-1] = ("plain", f"{result[-1][1]}{raw}")
            elif raw:
                result.append(("plain", raw))
            continue
        content = piece.root[0]
        piece.changed = True
        if not piece.json:
            piece.root[0] = "new\ntext"
        result.append(("piece", raw, piece.json, content, piece.render()))
    return result


class EventStreamTests(SynchronousTestCase):
    """Ordinary events have a way of their own, because they are nearly all there is."""

    @given(st.lists(st.sampled_from(LINES), max_size=12).map("".join))
    @settings(max_examples=effort(100), deadline=None)
    def test_ordinary_events_are_cut_as_all_others(self, text: str) -> None:
        """Event by event or line by line: the same pieces, which join to the text."""
        self.assertEqual("".join(piece.render() for piece in pieces_of(text, "sse")), text)
        self.assertEqual(told(list(_sse(text))), told(list(_any_sse(text))))
