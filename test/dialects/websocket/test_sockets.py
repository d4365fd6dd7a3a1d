"""Dividing a connection's messages into exchanges: Responses, Realtime, Gemini Live."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.websocket.audio import without_audio
from ccsproxy.dialects.websocket.choose import by_message, by_path
from ccsproxy.dialects.websocket.gemini_live import GeminiLiveSocket
from ccsproxy.dialects.websocket.protocol import Finished, ResponseBegun, ResponseMessage
from ccsproxy.dialects.websocket.realtime import RealtimeSocket
from ccsproxy.dialects.websocket.responses import ResponsesSocket
from test.effort import effort

AUDIO = "QUJD" * 100


class Talk:
    """Says messages, and keeps what becomes of them: what each exchange was asked with, heard, and followed."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.asked: dict[int, Any] = {}
        self.heard: dict[int, list[Any]] = {}
        self.begun: dict[int, ResponseBegun] = {}
        self.finished: list[int] = []

    def out(self, **message: Any) -> list[int]:
        return self._take(self.protocol.sent(json.dumps(message).encode()))

    def into(self, **message: Any) -> list[int]:
        return self._take(self.protocol.received(json.dumps(message).encode()))

    def _take(self, steps: list[Any]) -> list[int]:
        for step in steps:
            if isinstance(step, ResponseBegun):
                self.begun[step.key] = step
                self.asked[step.key] = json.loads(step.body)
                self.heard[step.key] = []
            elif isinstance(step, ResponseMessage) and step.line is not None:
                assert step.key not in self.finished
                self.heard[step.key].append(json.loads(step.line))
            elif isinstance(step, Finished):
                self.finished.append(step.key)
        return [step.key for step in steps]

    def kinds(self, key: int) -> list[str]:
        return [each.get("type") for each in self.heard[key]]


class Responses(SynchronousTestCase):
    """One exchange for each response."""

    def setUp(self) -> None:
        self.talk = Talk(ResponsesSocket())

    def create(self, **more: Any) -> None:
        self.talk.out(type="response.create", **more)

    def respond(self, number: int, end: str = "response.completed", **more: Any) -> None:
        self.talk.into(type="response.created", response={"id": f"r{number}"}, **more)
        self.talk.into(type="response.output_text.delta", delta="x", **more)
        self.talk.into(type=end, response={"id": f"r{number}"}, **more)

    def test_one_after_the_other(self) -> None:
        self.create(generate=False, input=[])
        self.respond(1)
        self.create(previous_response_id="r1")
        self.respond(2)
        self.assertEqual(self.talk.finished, [1, 2])
        self.assertEqual([self.talk.begun[key].previous for key in (1, 2)], ["", "r1"])
        self.assertEqual(self.talk.kinds(2), ["response.created", "response.output_text.delta", "response.completed"])

    def test_what_comes_before_the_response_belongs_to_it(self) -> None:
        self.create()
        self.talk.into(type="codex.rate_limits")
        self.respond(1)
        self.assertEqual(self.talk.kinds(1)[0], "codex.rate_limits")

    def test_what_comes_between_belongs_to_the_next(self) -> None:
        self.create()
        self.respond(1)
        self.talk.into(type="codex.rate_limits")
        self.create()
        self.respond(2)
        self.assertEqual(self.talk.kinds(2)[0], "codex.rate_limits")
        self.assertEqual(self.talk.protocol.rest(), [])

    def test_what_comes_last_belongs_to_nobody(self) -> None:
        self.create()
        self.respond(1)
        self.talk.into(type="codex.rate_limits")
        self.assertEqual(self.talk.protocol.rest(), [b'{"type": "codex.rate_limits"}'])

    def test_two_asked_for_at_once_are_answered_in_order(self) -> None:
        self.create(n=1)
        self.create(n=2)
        self.respond(1)
        self.respond(2)
        self.assertEqual([self.talk.heard[key][0]["response"]["id"] for key in (1, 2)], ["r1", "r2"])

    def test_lanes_run_side_by_side(self) -> None:
        self.create(stream_id="a")
        self.create(stream_id="b")
        self.talk.into(type="response.created", response={"id": "rb"}, stream_id="b")
        self.talk.into(type="response.created", response={"id": "ra"}, stream_id="a")
        self.talk.into(type="response.output_text.delta", delta="1", stream_id="a")
        self.talk.into(type="response.output_text.delta", delta="2", stream_id="b")
        self.talk.into(type="response.completed", response={"id": "ra"}, stream_id="a")
        self.talk.into(type="response.failed", response={"id": "rb"}, stream_id="b")
        self.assertEqual([each.get("delta") for each in self.talk.heard[1]], [None, "1", None])
        self.assertEqual([each.get("delta") for each in self.talk.heard[2]], [None, "2", None])
        self.assertEqual(self.talk.finished, [1, 2])

    def test_error_ends_what_was_asked_for(self) -> None:
        self.create(previous_response_id="gone")
        self.talk.into(type="error", status=400, error={"code": "previous_response_not_found"})
        self.create()
        self.respond(1)
        self.assertEqual((self.talk.kinds(1), self.talk.finished), (["error"], [1, 2]))

    def test_error_while_another_is_answered_is_the_newer_ones(self) -> None:
        self.create()
        self.talk.into(type="response.created", response={"id": "r1"})
        self.create()
        self.talk.into(type="error", error={"code": "response_already_in_flight"})
        self.talk.into(type="response.completed", response={"id": "r1"})
        self.assertEqual((self.talk.kinds(2), self.talk.finished), (["error"], [2, 1]))

    def test_steered_response_has_a_successor(self) -> None:
        self.create()
        self.talk.into(type="response.created", response={"id": "r1"})
        self.talk.out(type="response.steer", previous_response_id="r1", input="stop")
        self.talk.into(type="response.steer.accepted", steer={"id": "s1"})
        self.talk.into(type="response.incomplete", response={"id": "r1", "incomplete_details": {"reason": "steered"}})
        self.respond(2)
        self.assertEqual(
            self.talk.asked[2], {"type": "response.steer", "previous_response_id": "r1", "input": "stop"}
        )
        self.assertEqual((self.talk.begun[2].previous, self.talk.begun[2].before), ("r1", 1))
        self.assertIn("response.steer.accepted", self.talk.kinds(1))

    def test_several_steers_become_a_list(self) -> None:
        self.create()
        self.talk.into(type="response.created", response={"id": "r1"})
        for text in ("a", "b"):
            self.talk.out(type="response.steer", previous_response_id="r1", input=text)
        self.respond(2)
        self.assertEqual([each["input"] for each in self.talk.asked[2]], ["a", "b"])
        self.assertEqual(self.talk.finished, [1, 2])

    @given(
        st.lists(
            st.tuples(
                st.booleans(),
                st.sampled_from(["response.create", "response.created", "response.completed", "error", "x", None]),
                st.sampled_from(["", "a", None, 5]),
                st.sampled_from(["r1", "r2", None]),
            ),
            max_size=30,
        )
    )
    @settings(max_examples=effort(100), deadline=None)
    def test_nothing_is_said_to_what_has_not_begun_or_has_ended(self, messages: Any) -> None:
        talk = Talk(ResponsesSocket())
        for is_ours, kind, stream, response in messages:
            message = {
                "type": kind,
                "stream_id": stream,
                "response": {"id": response},
                "previous_response_id": response,
            }
            (talk.out if is_ours else talk.into)(**message)
        self.assertEqual(len(set(talk.finished)), len(talk.finished))
        self.assertLessEqual(set(talk.finished), set(talk.begun))


class Realtime(SynchronousTestCase):
    """Responses that were asked for, and those that speech has begun."""

    def setUp(self) -> None:
        self.talk = Talk(RealtimeSocket())

    def test_asked_for_with_what_was_said_before(self) -> None:
        self.talk.into(type="session.created", session={"model": "gpt-realtime"})
        self.talk.out(type="session.update", session={"instructions": "be brief"})
        self.talk.out(type="conversation.item.create", item={"content": [{"type": "input_text", "text": "hi"}]})
        self.talk.out(type="response.create")
        self.talk.into(type="response.created", response={"id": "r1"})
        self.talk.into(type="response.output_text.delta", response_id="r1", delta="x")
        self.talk.into(type="response.done", response={"id": "r1", "status": "completed"})
        earlier = [each["type"] for each in self.talk.asked[1]["_earlier"]]
        self.assertEqual(earlier, ["session.created", "session.update", "conversation.item.create"])
        self.assertEqual((self.talk.begun[1].model, self.talk.finished), ("gpt-realtime", [1]))
        self.assertEqual(len(self.talk.heard[1]), 3)

    def test_speech_begins_one(self) -> None:
        for _ in range(3):
            self.talk.out(type="input_audio_buffer.append", audio=AUDIO)
        self.talk.into(type="input_audio_buffer.committed")
        self.talk.into(type="response.created", response={"id": "r1"})
        self.talk.into(type="response.output_audio.delta", response_id="r1", delta=AUDIO)
        self.talk.into(type="response.done", response={"id": "r1"})
        self.assertEqual(
            self.talk.asked[1]["_earlier"],
            [{"type": "input_audio_buffer.append", "audio_bytes": 900}, {"type": "input_audio_buffer.committed"}],
        )
        self.assertEqual(self.talk.heard[1][1]["delta_bytes"], 300)
        self.assertEqual(self.talk.begun[1].left_out, 900)

    def test_two_at_once_are_told_apart(self) -> None:
        self.talk.out(type="response.create", response={"conversation": "none"})
        self.talk.out(type="response.create")
        self.talk.into(type="response.created", response={"id": "r1"})
        self.talk.into(type="response.created", response={"id": "r2"})
        self.talk.into(type="response.done", response={"id": "r2"})
        self.talk.into(type="response.done", response={"id": "r1"})
        self.assertEqual(self.talk.finished, [2, 1])
        self.assertEqual(self.talk.begun[2].before, 1)

    def test_error_ends_what_was_asked_for(self) -> None:
        self.talk.out(type="response.create")
        self.talk.into(type="error", error={"code": "x", "message": "no"})
        self.assertEqual((self.talk.kinds(1), self.talk.finished), (["error"], [1]))

    def test_audio_inside_items_is_told_by_its_size(self) -> None:
        value, left_out = without_audio({"item": {"content": [{"type": "input_audio", "audio": AUDIO}]}})
        self.assertEqual(value, {"item": {"content": [{"type": "input_audio", "audio_bytes": 300}]}})
        self.assertEqual(left_out, 300)
        self.assertEqual(without_audio({"delta": AUDIO, "audio": "short"}), ({"delta": AUDIO, "audio": "short"}, 0))


class GeminiLive(SynchronousTestCase):
    """Turns of the model."""

    def setUp(self) -> None:
        self.talk = Talk(GeminiLiveSocket())
        self.talk.out(setup={"model": "models/gemini-live-2.5-flash", "tools": []})
        self.talk.into(setupComplete={})

    def test_turn_of_text(self) -> None:
        self.talk.out(clientContent={"turns": [{"parts": [{"text": "hi"}]}], "turnComplete": True})
        self.talk.into(serverContent={"modelTurn": {"parts": [{"text": "a"}]}})
        self.talk.into(serverContent={"turnComplete": True}, usageMetadata={"totalTokenCount": 3})
        self.assertEqual(self.talk.begun[1].model, "gemini-live-2.5-flash")
        self.assertEqual([list(each) for each in self.talk.asked[1]["_earlier"]], [["setup"], ["setupComplete"]])
        self.assertEqual((len(self.talk.heard[1]), self.talk.finished), (2, [1]))

    def test_content_that_is_not_complete_asks_for_nothing(self) -> None:
        self.talk.out(clientContent={"turns": [1]})
        self.talk.out(clientContent={"turns": [2], "turnComplete": True})
        self.assertEqual(len(self.talk.begun), 1)
        self.assertEqual(self.talk.asked[1]["_earlier"][2], {"clientContent": {"turns": [1]}})

    def test_result_of_a_tool_ends_one_turn_and_begins_the_next(self) -> None:
        self.talk.out(clientContent={"turnComplete": True})
        self.talk.into(toolCall={"functionCalls": [{"name": "f"}]})
        self.talk.out(toolResponse={"functionResponses": []})
        self.talk.into(serverContent={"modelTurn": {"parts": []}, "turnComplete": True})
        self.assertEqual((self.talk.finished, self.talk.begun[2].before), ([1, 2], 1))

    def test_speech(self) -> None:
        for _ in range(4):
            self.talk.out(realtimeInput={"audio": {"data": AUDIO, "mimeType": "audio/pcm"}})
        self.talk.into(serverContent={"inputTranscription": {"text": "hi"}})
        self.talk.into(
            serverContent={"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": AUDIO}}]}}
        )
        self.talk.into(serverContent={"turnComplete": True})
        self.assertEqual(self.talk.begun[1].left_out, 1200)
        data = self.talk.heard[1][1]["serverContent"]["modelTurn"]["parts"][0]["inlineData"]
        self.assertEqual(data, {"mimeType": "audio/pcm", "data_bytes": 300})
        earlier = self.talk.asked[1]["_earlier"]
        self.assertEqual((len(earlier), earlier[2]["realtimeInput"]["spoken_bytes"]), (3, 1200))


class Choosing(SynchronousTestCase):
    """Which protocol it is."""

    def test_by_path(self) -> None:
        for target, wanted in (
            (b"/v1/responses", "openai_responses"),
            (b"/backend-api/codex/responses?x=1", "openai_responses"),
            (b"/v1/realtime?model=gpt-realtime", "openai_realtime"),
            (b"/openai/v1/realtime", "openai_realtime"),
            (b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k", "gemini_live"),
            (b"/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent", "gemini_live"),
            (b"/socket.io/", None),
        ):
            found = by_path(target)
            self.assertEqual(found and found.name, wanted, target)

    def test_by_the_first_message(self) -> None:
        for message, wanted in (
            ({"type": "response.create", "model": "m", "input": []}, "openai_responses"),
            ({"type": "response.create", "response": {}}, "openai_realtime"),
            ({"type": "session.update"}, "openai_realtime"),
            ({"setup": {"model": "models/m"}}, "gemini_live"),
            ({"setup": {}}, None),
            ([1], None),
            ("hi", None),
        ):
            found = by_message(json.dumps(message).encode())
            self.assertEqual(found and found.name, wanted, message)
        self.assertIsNone(by_message(b"\xff"))
