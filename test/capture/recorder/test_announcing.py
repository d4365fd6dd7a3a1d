"""When others hear that an exchange has begun: at the end of the turn, unless its record comes in the same turn."""

from typing import Any

from ccsproxy.exchange.record import Record
from test.capture.fakes import JSON, request_head, response_head
from test.capture.recorder.test_recorder import RecorderCase

_BODY = b'{"model": "m-1"}'
_HEAD = [(b"Content-Length", str(len(_BODY)).encode())]


class AnnouncingTests(RecorderCase):
    """`Opening` within turns of the recorder."""

    def ask_whole(self, number: int) -> None:
        """Begin an exchange whose session is known."""
        self.begin(number, request_head(f"e{number}", headers=_HEAD))
        self.ask(_BODY, number)

    def finish(self, number: int) -> Record:
        """Answer an exchange, and end it."""
        self.answer(response_head(200, JSON), b"{}", number=number)
        return self.end(number=number, request=len(_BODY), response=2)

    def happened(self) -> list[tuple[str, int]]:
        """Return the kinds of the live events with their numbers."""
        events: list[dict[str, Any]] = self.told("event")
        return [(each["type"], each["seq"]) for each in events]

    def test_a_call_of_one_turn(self) -> None:
        """Its record alone goes to the store; both events are told, in their order."""
        self.recorder.turn_begins()
        self.ask_whole(1)
        record = self.finish(1)
        self.recorder.turn_ends()
        self.assertEqual((self.store.begun, record.seq), ([], 1))
        self.assertEqual(self.happened(), [("request_started", 1), ("request_completed", 1)])
        first = self.told("event")[0]
        self.assertEqual((first["path"], first["method"]), (record.request.path, record.request.method))

    def test_a_call_that_goes_on(self) -> None:
        """It is announced when the turn ends, once."""
        self.recorder.turn_begins()
        self.ask_whole(1)
        self.assertEqual(self.happened(), [])
        self.recorder.turn_ends()
        self.assertEqual([each.seq for each in self.store.begun], [1])
        self.recorder.turn_begins()
        self.finish(1)
        self.recorder.turn_ends()
        self.assertEqual(self.happened(), [("request_started", 1), ("request_completed", 1)])

    def test_numbers_follow_the_beginnings(self) -> None:
        """The one that ends first is not the first for that."""
        self.recorder.turn_begins()
        self.ask_whole(1)
        self.ask_whole(2)
        second = self.finish(2)
        self.recorder.turn_ends()
        self.assertEqual((second.seq, self.finish(1).seq), (2, 1))
        self.assertEqual([each.seq for each in self.store.begun], [1])

    def test_an_announcement_that_fails(self) -> None:
        """It hurts no other, and is a fault of its record."""
        self.recorder.turn_begins()
        self.ask_whole(1)
        self.ask_whole(2)
        refused = self.store.started
        self.patch(self.store, "started", lambda each: refused(each) if each.seq == 2 else 1 / 0)
        self.recorder.turn_ends()
        self.assertEqual([each.seq for each in self.store.begun], [2])
        self.assertIn("capture_error", self.finish(1).capture.faults)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
