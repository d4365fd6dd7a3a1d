"""Tests for `ccsproxy.store.segments.long_line`: the same line as the codec writes, in pieces."""

import json
import tracemalloc
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Response, Stream
from ccsproxy.store.segments import long_line
from ccsproxy.store.segments.long_line import LongLine
from ccsproxy.wire.json_items import WrittenItems
from test.effort import effort
from test.store.records import record

TEXTS = st.one_of(st.text(max_size=30), st.text('aé"\\\n€😀', min_size=8, max_size=60))
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False),
    st.just(Decimal("1E+400")), st.just(msgspec.Raw(b'{"raw":[1]}')),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(TEXTS, inner, max_size=5)),
    max_leaves=25,
)


def response(body: Any, stream: str) -> Response:
    """Return an answer that is a stream."""
    return Response(
        status=200, reason="OK", http_version="1.1", headers={}, headers_raw=[], body_reassembled=body,
        stream=Stream(text=stream, chunks=[(1.5, 2), (2.5, 3)]),
    )  # fmt: skip


class LongLineTests(SynchronousTestCase):
    """Encoded piece by piece."""

    @given(VALUES, VALUES, TEXTS, st.integers(1, 40))
    @settings(max_examples=effort(120), deadline=None)
    def test_equal(self, body: Any, answer: Any, stream: str, piece: int) -> None:
        """Whatever a record holds, and however small the pieces, the line is the codec's to the byte."""
        self.patch(long_line, "PIECE", piece)
        made = msgspec.structs.replace(record(1, body=body), response=response(answer, stream))
        line = LongLine(made)
        pieces = list(line.pieces())
        self.assertEqual(b"".join(pieces), codec.encode(made))
        self.assertEqual(len(line), sum(map(len, pieces)))
        self.assertEqual(b"".join(line.pieces()), b"".join(pieces))

    def test_written_items(self) -> None:
        """Items that are written already are passed on as they are."""
        items = WrittenItems([msgspec.Raw(b'{"a":1}'), {"b": "x"}], [b'{"a":1}', None])
        made = record(1, body={"messages": items, "n": list(range(3000)), "empty": [{}, []]})
        self.assertEqual(b"".join(LongLine(made).pieces()), codec.encode(made))

    def test_what_cannot_be_written(self) -> None:
        """It fails before the first byte, so that none of it is in the segment."""
        for body in ("x" * 600_000 + "\ud800", {"a": object()}, {1: "a"}, [msgspec.Raw(b"[\n1]")]):
            with self.assertRaises((ValueError, TypeError)):
                LongLine(record(1, body=body))

    def test_depth(self) -> None:
        """What is nested deeply is written like anything else."""
        body: Any = "x"
        for _ in range(200):
            body = [{"a": body}]
        made = record(1, body=body)
        self.assertEqual(b"".join(LongLine(made).pieces()), codec.encode(made))

    def test_memory(self) -> None:
        """Of a line of megabytes no more than a few pieces are held."""
        content = [{"type": "text", "text": "some words " * 90} for _ in range(4000)]
        made = msgspec.structs.replace(
            record(1, body={"messages": content}), response=response({"image": "QUJD" * (1 << 20)}, "é" * (1 << 20))
        )
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        size = sum(map(len, LongLine(made).pieces()))
        self.assertGreater(size, 9 << 20)
        self.assertLess(tracemalloc.get_traced_memory()[1], 12 * long_line.PIECE)
        self.assertEqual(json.loads(b"".join(LongLine(made).pieces()))["id"], "id1")
