"""A finished exchange is gone at once: the recorder looks for garbage so rarely that cycles would pile up."""

import gc
from typing import Any

from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.relayed import RequestHead, ResponseHead
from ccsproxy.redaction import Redactor
from test.capture.fakes import JSON, SSE, request_head, response_head
from test.capture.recorder.test_recorder import RecorderCase
from test.dialects.exchanges import ROUTES
from test.dialects.making import STREAM_MAKERS, encode
from test.dialects.streams import Maker, chunks


class GarbageTests(RecorderCase):
    """Recorders over the dialects, clients and redactor that they have in life."""

    meaning = Interpreters(detect, identify)

    def make(self, under_way: Any = None, stored: Any = ()) -> None:
        super().make(under_way, stored)
        self.recorder._redactor = Redactor

    def garbage(self, head: RequestHead, answer: ResponseHead, pieces: list[bytes]) -> list[str]:
        """Return what cycles there are after an exchange, by the names of their objects or types."""
        self.whole(head, answer, pieces)  # what is made once, decoders for one, may be cycles
        gc.collect()
        gc.freeze()  # what the tests themselves hold need not be looked at
        self.addCleanup(gc.unfreeze)
        self.addCleanup(gc.enable)
        self.addCleanup(gc.set_debug, 0)
        gc.disable()
        self.whole(head, answer, pieces)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = [getattr(each, "__qualname__", type(each).__qualname__) for each in gc.garbage]
        gc.set_debug(0)
        gc.garbage.clear()
        return found

    def whole(self, head: RequestHead, answer: ResponseHead, pieces: list[bytes]) -> None:
        """Run an exchange."""
        self.begin(head=head)
        self.answer(answer, *pieces)
        self.end()
        self.store.records.clear()
        self.told("stored")

    def test_streams_leave_no_cycles(self) -> None:
        """Every dialect's reader goes with its exchange."""
        for seed in range(2 * len(STREAM_MAKERS)):
            maker = Maker(seed)
            made = STREAM_MAKERS[seed % len(STREAM_MAKERS)](maker)
            target, kind = ROUTES[made.dialect]
            pieces = list(chunks(encode(made, maker), maker))
            head, answer = request_head(target=target), response_head(200, (b"Content-Type", kind))
            self.assertEqual(self.garbage(head, answer, pieces), [], seed)

    def test_cut_streams_and_plain_answers_leave_no_cycles(self) -> None:
        """Neither do bodies, whole or not, that no dialect reads as a stream."""
        for body, kind in ((b'{"type": "message"', JSON), (b"{}", JSON), (b"event: ping\n", SSE), (b"text", JSON)):
            self.assertEqual(self.garbage(request_head(), response_head(200, kind), [body]), [])
