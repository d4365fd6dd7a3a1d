"""Tests of sessions as the recorder gives them: conversations of ours, programs that are told late, probes."""

import json
from typing import Any

import msgspec
from twisted.internet.task import Clock

from ccsproxy.capture.frames import EndFrame
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.sessions.opening import WAIT_S
from ccsproxy.capture.recorder.sessions.probes import HOLD_S
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.record import Process, Record
from ccsproxy.exchange.relayed import Ending
from test.capture import encoded
from test.capture.fakes import JSON, ending, request_head, response_head
from test.capture.recorder.test_recorder import RecorderCase

CALLER = (1, "/usr/bin/python3", "python3", "/w", "2026-11-30T10:00:00.000Z", "")
OTHER = (2, "/usr/bin/python3", "python3", "/w", "2026-11-30T10:00:00.000Z", "")
#: Ends that are local; the system knows no such connection.
ENDS = ("127.0.0.1", 1, "127.0.0.1", 2)
ANSWER = b'{"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "ok"}]}'
SID = "0b9a3b7e-58b1-4f6d-9a39-7d1f0c1a2b3c"


class PlacementCase(RecorderCase):
    """A recorder that may wait, over the real rooms."""

    meaning = Interpreters(detect, identify)

    def make(self, *args: Any, **kwargs: Any) -> None:
        """Make the recorder again, with a clock."""
        super().make(*args, **kwargs)
        self.clock = Clock()
        numbers = iter(range(1, 1000))
        sessions = Sessions("run", self.store.last_seq, lambda size: next(numbers).to_bytes(size, "big"))
        self.recorder = Recorder(
            self.keeping,
            self.meaning,
            lambda: self.redactor,
            sessions,
            self.store,
            self.report,
            self.budget,
            later=self.clock.callLater,
        )

    def head(self, number: int, method: bytes = b"POST", session: str = "", local: bool = True) -> Any:
        """Return the head of a request on a connection of its own."""
        headers = [(b"x-claude-code-session-id", session.encode())] if session else []
        made = request_head(f"e{number}", headers, b"/" if method == b"HEAD" else b"/v1/messages")
        ends = ENDS if local else ("10.0.0.9", 1, "10.0.0.1", 2)
        return msgspec.structs.replace(made, method=method, connection=f"c{number}", ends=ends)

    def post(self, number: int, *messages: Any, caller: Any = CALLER, session: str = "") -> Record:
        """Run a whole call of a program."""
        body = json.dumps({"model": "m", "messages": list(messages)}).encode()
        self.begin(number, self.head(number, session=session))
        self.ask(body, number)
        self.answer(response_head(200, JSON), ANSWER, number=number)
        return self.finish(number, caller, len(body), len(ANSWER))

    def finish(self, number: int, caller: Any, request: int = 0, response: int = 0) -> Record:
        """End a call, and say who made it."""
        how: Ending = msgspec.structs.replace(ending(), caller=caller)
        return self.end(how, request, response, number)


class PlacementTests(PlacementCase):
    """Sessions of clients that name none."""

    def test_programs_at_once(self) -> None:
        """The same words on both sides, each in its own conversation; the process is in the record."""
        first = {"role": "user", "content": "hi"}
        rest = [first, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "more"}]
        one, two = self.post(1, first), self.post(2, first, caller=OTHER)
        three, four = self.post(3, *rest), self.post(4, *rest, caller=OTHER)
        self.assertNotEqual(one.session_id, two.session_id)
        self.assertEqual((three.session_id, four.session_id), (one.session_id, two.session_id))
        self.assertEqual((three.seq, four.seq), (2, 2))
        assert one.client.process is not None and four.client.process is not None
        self.assertEqual((one.client.process.pid, four.client.process.pid), (1, 2))
        self.assertRegex(one.session_id, r"\A2023-11-14T22-13-20-000Z-[0-9a-f]{8}\Z")

    def test_named_sessions_do_not_wait(self) -> None:
        """A client that names its session is announced at once, and the process is told all the same."""
        self.begin(1, self.head(1, session=SID))
        self.assertEqual(len(self.told("event")), 1)
        record = self.finish(1, CALLER)
        self.assertEqual(record.session_id, SID)
        self.assertIsNotNone(record.client.process)

    def test_unknown_programs_wait_a_moment(self) -> None:
        """A call whose program is not told is announced a moment later, a remote one at once."""
        body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
        for number, local in ((1, True), (2, False)):
            head = self.head(number, local=local)
            self.begin(number, msgspec.structs.replace(head, lines=b"Content-Length: %d\r\n" % len(body)))
            self.ask(body, number)
        self.assertEqual([each["seq"] for each in self.told("event")], [1])
        self.clock.advance(WAIT_S)
        self.assertEqual(len(self.told("event")), 2)

    def test_calls_without_messages(self) -> None:
        """They go where their program was last, those of nobody to the run."""
        model = self.post(1, {"role": "user", "content": "hi"})
        for number, caller, session in ((2, CALLER, model.session_id), (3, OTHER, "run")):
            get = self.head(number, b"GET")
            self.begin(number, msgspec.structs.replace(get, target=b"/v1/models", forwarded_target=b"/v1/models"))
            self.assertEqual(self.finish(number, caller).session_id, session)

    def test_repeated_calls(self) -> None:
        """A call of `ccsproxy replay` is in no session that it names or continues; those of a command are in one."""
        first = {"role": "user", "content": "hi"}
        rest = [first, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "more"}]
        named, ours = self.post(1, first, session=SID), self.post(2, first, caller=OTHER)
        again = (9, *OTHER[1:5], f"replay_of={SID}/1")
        self.recorder._opening.placement._callers.process = lambda head: self.known  # type: ignore[method-assign]
        self.known = self.recorder._opening.placement._callers._same(Process(pid=9, started_at=OTHER[4]), again[5])
        one, two = self.post(3, first, caller=again, session=SID), self.post(4, *rest, caller=again)
        self.assertEqual(one.session_id, two.session_id)
        self.assertNotIn(one.session_id, (named.session_id, ours.session_id))
        self.assertEqual(one.labels["replay_of"], f"{SID}/1")

    def test_broken_placement_costs_the_session_only(self) -> None:
        """A mistake in placing leaves a record in the run's session."""
        self.recorder._opening.placement.place = lambda *args: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        record = self.post(1, {"role": "user", "content": "hi"})
        self.assertEqual(record.session_id, "run")
        self.flushLoggedErrors(ZeroDivisionError)


class ProbeTests(PlacementCase):
    """A probe goes to the session of the agent that sent it."""

    def probe(self, number: int = 1, caller: Any = CALLER) -> None:
        """Send a probe that is answered at once."""
        self.begin(number, self.head(number, b"HEAD"))
        self.answer(response_head(200), number=number)
        how = msgspec.structs.replace(ending(), caller=caller)
        self.take(encoded.end(number, 9000, EndFrame(how, 0, 0)))

    def test_before_the_first_call(self) -> None:
        """It is held until the agent that sent it names its session."""
        self.probe()
        self.assertEqual(self.store.records, [])
        record = self.post(2, {"role": "user", "content": "hi"}, session=SID)
        self.assertEqual([(each.session_id, each.id) for each in self.store.records], [(SID, "e1"), (SID, "e2")])
        self.assertEqual(record.seq, 1)
        self.clock.advance(HOLD_S)
        self.assertEqual(len(self.store.records), 2)

    def test_alone(self) -> None:
        """Without a call that follows, it is recorded after a moment, and at the end at once."""
        self.probe()
        self.clock.advance(HOLD_S)
        self.assertEqual([each.session_id for each in self.store.records], ["run"])
        self.probe(2, OTHER)
        self.successResultOf(self.recorder.finish(cut=True))
        self.assertEqual(len(self.store.records), 2)

    def test_of_another_program(self) -> None:
        """Another program's call is none of its business."""
        self.probe()
        self.post(2, {"role": "user", "content": "hi"}, session=SID, caller=OTHER)
        self.assertEqual([each.session_id for each in self.store.records], [SID])
        self.clock.advance(HOLD_S)
        self.assertEqual([each.session_id for each in self.store.records], [SID, "run"])

    def test_labels_of_a_launcher(self) -> None:
        """The labels that a program was started with are its calls' labels; what is no pair is none."""
        program = (*CALLER[:5], "launch=1a2b,task=refund,=x,none,a b=c")
        self.probe(1, program)
        self.assertEqual(self.post(2, {"role": "user", "content": "hi"}, caller=program).labels["task"], "refund")
        labels = self.post(3, {"role": "user", "content": "more"}, caller=program).labels
        self.assertEqual(
            {key: labels.get(key) for key in ("launch", "task", "a b", "")},
            {"launch": "1a2b", "task": "refund", "a b": None, "": None},
        )
