"""Assistants: runs, in streams and as stored objects."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import facts_for, read_as

ASKED = {"assistant_id": "a", "stream": True}
USAGE = {"prompt_tokens": 381, "completion_tokens": 89, "total_tokens": 470}
DONE = b"event: done\ndata: [DONE]\n\n"


def run(status: str, **more: Any) -> dict[str, Any]:
    return {"id": "run_1", "object": "thread.run", "status": status, "model": "gpt", "metadata": {}, **more}


def written(*events: tuple[str, Any]) -> bytes:
    return b"".join(f"event: {name}\ndata: {json.dumps(value)}\n\n".encode() for name, value in events)


def answer(*events: tuple[str, Any], ending: bytes = DONE) -> DecodedResponse:
    facts = facts_for(b"/v1/threads/t/runs", b"text/event-stream", request_body=ASKED, provider="openai")
    return read_as(written(*events) + ending, facts)


def delta(index: int, text: str) -> tuple[str, Any]:
    part = {"index": index, "type": "text", "text": {"value": text, "annotations": []}}
    return "thread.message.delta", {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [part]}}


class AssistantsTests(SynchronousTestCase):
    """The runs of a thread."""

    def test_a_stream(self) -> None:
        """The run is the answer; its messages stand beside it, the counts come with its end."""
        message = {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": []}
        got = answer(
            ("thread.run.created", run("queued")),
            ("thread.message.created", message),
            delta(0, "Hel"),
            delta(0, "lo"),
            ("thread.run.completed", run("completed", usage=USAGE)),
        )
        self.assertEqual((got.dialect, got.complete, got.error, got.faults), ("openai_assistants", True, None, ()))
        self.assertEqual(got.usage, Usage(input_tokens=381, output_tokens=89, raw=USAGE))
        self.assertEqual((got.body["status"], got.response_model), ("completed", "gpt"))
        content = [{"type": "text", "text": {"value": "Hello", "annotations": []}}]
        self.assertEqual(got.body["_messages"][0]["content"], content)

    def test_ends(self) -> None:
        """A run that waits for tools has ended its stream; one that breaks off has not."""
        self.assertTrue(answer(("thread.run.requires_action", run("requires_action")), ending=b"").complete)
        self.assertFalse(answer(("thread.run.in_progress", run("in_progress")), ending=b"").complete)

    def test_failures(self) -> None:
        """A run that failed, and an error event."""
        failed = run("failed", last_error={"code": "server_error", "message": "boom"})
        got = answer(("thread.run.failed", failed))
        self.assertEqual((got.error, got.complete), (Error("server_error", "boom"), False))
        got = answer(("error", {"error": {"code": "rate_limit", "message": "slow down"}}))
        self.assertEqual(got.error, Error("rate_limit", "slow down"))

    def test_odd_events(self) -> None:
        """What fits nowhere is kept aside."""
        odd = ("thread.message.delta", {"id": "m", "object": "thread.message.delta", "delta": {"content": [{}, 7]}})
        got = answer(("news", {"a": 1}), odd, ("thread.run.completed", run("completed")))
        self.assertEqual(got.faults, ("unknown_event", "invalid_event"))

    def test_stored_objects(self) -> None:
        """A run that is read has its status and its counts."""
        facts = facts_for(b"/v1/threads/t/runs/run_1", b"application/json", method=b"GET")
        got = read_as(json.dumps(run("completed", usage=USAGE)).encode(), facts)
        self.assertEqual((got.dialect, got.stop_reason), ("openai_assistants", "completed"))
