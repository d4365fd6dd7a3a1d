"""When others hear that an exchange has begun: at the end of the turn, unless its record comes in the same turn."""

from typing import Any

from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.exchange.record import Client, Record
from ccsproxy.exchange.relayed import RawHeaders
from test.capture.fakes import JSON, request_head, response_head
from test.capture.recorder import fake_interfaces
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


class MeetingTests(RecorderCase):
    """Who calls is asked with the body where that comes in the turn of the head, else with the head alone."""

    def setUp(self) -> None:
        self.asked: list[Any] = []
        self.meaning = Interpreters(fake_interfaces.MEANING.detect, self.identify)
        super().setUp()

    def identify(self, headers: RawHeaders, target: bytes, body: Any) -> Client:
        """Say whose session a header names."""
        self.asked.append(body)
        named = {name: value.decode() for name, value in headers}.get(b"X-Session")
        if named == "bad":
            raise ZeroDivisionError
        return Client(name="c" if body is None else "c with body", session=named)

    def head(self, number: int, session: str = "") -> None:
        named = [(b"X-Session", session.encode())] if session else []
        self.begin(number, request_head(f"e{number}", headers=[*_HEAD, *named]))

    def end_of(self, number: int) -> Record:
        self.answer(response_head(200, JSON), b"{}", number=number)
        return self.end(number=number, request=len(_BODY), response=2)

    def test_once(self) -> None:
        """A call of one turn is asked once."""
        self.recorder.turn_begins()
        self.head(1, "s")
        self.ask(_BODY)
        record = self.end_of(1)
        self.recorder.turn_ends()
        self.assertEqual(self.asked, [{"model": "m-1"}])
        self.assertEqual((record.session_id, record.client.name), ("s", "c with body"))

    def test_a_body_that_does_not_come(self) -> None:
        """A head that names its session is announced at the end of its turn."""
        self.recorder.turn_begins()
        self.head(1, "s")
        self.head(2)
        self.assertEqual((self.asked, self.store.begun), ([], []))
        self.recorder.turn_ends()
        self.assertEqual((self.asked, [each.session_id for each in self.store.begun]), ([None, None], ["s"]))

    def test_the_order_of_heads(self) -> None:
        """A call whose body is there is no earlier for it than one of the same session that began before it."""
        self.recorder.turn_begins()
        self.head(1, "s")
        self.head(2)
        self.head(3, "s")
        self.ask(_BODY, 3)
        self.recorder.turn_ends()
        self.assertEqual([(each.id, each.seq) for each in self.store.begun], [("e1", 1), ("e3", 2)])
        self.assertEqual(self.asked, [None, None, {"model": "m-1"}])

    def test_ended_in_its_turn_without_a_body(self) -> None:
        """Nothing is asked of it or told of it afterwards."""
        self.recorder.turn_begins()
        self.head(1, "s")
        record = self.end(number=1, request=0, response=0)
        before = list(self.asked)
        self.recorder.turn_ends()
        self.assertEqual((record.session_id, record.seq, self.asked, self.store.begun), ("s", 1, before, []))

    def test_asking_that_fails(self) -> None:
        """It costs the name of who calls, and no other exchange anything."""
        self.recorder.turn_begins()
        self.head(1, "bad")
        self.head(2, "s")
        self.recorder.turn_ends()
        self.assertEqual([each.id for each in self.store.begun], ["e2"])
        self.ask(_BODY, 1)
        self.assertIn("identity_failed", self.end_of(1).capture.faults)
