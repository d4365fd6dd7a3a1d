"""Mistral's conversations: streams become what the same call answers without one."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.dialects.conversations import is_conversation
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import facts_for, read_as, sse

ASKED = {"model": "mistral-medium-2505", "inputs": "hi", "stream": True}
NEW = facts_for(b"/v1/conversations", b"text/event-stream", request_body=ASKED)
FURTHER = facts_for(b"/v1/conversations/conv_1", b"text/event-stream", request_body={"inputs": "on", "stream": True})
STARTED = {"type": "conversation.response.started", "created_at": "2026", "conversation_id": "conv_1"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
DONE = {"type": "conversation.response.done", "created_at": "2026", "usage": USAGE}


def said(content: Any, index: int = 0) -> dict[str, Any]:
    """Write an event of a message."""
    return {"type": "message.output.delta", "created_at": "2026", "output_index": index, "id": f"msg_{index}",
            "content_index": 0, "model": "mistral-medium-2505", "role": "assistant", "content": content}  # fmt: skip


def read(*events: Any, whole: bool = True) -> DecodedResponse:
    return read_as(sse(events), FURTHER, whole=whole)


class ConversationTests(SynchronousTestCase):
    """``/v1/conversations``."""

    def test_a_message(self) -> None:
        """Pieces of text are one text; the counts are those of the last event."""
        answer = read(STARTED, said("Hel"), said("lo"), DONE)
        entry = {"object": "entry", "type": "message.output", "id": "msg_0", "model": "mistral-medium-2505",
                 "role": "assistant", "content": "Hello"}  # fmt: skip
        self.assertEqual(answer.body, {"object": "conversation.response", "conversation_id": "conv_1",
                                       "usage": USAGE, "outputs": [entry]})  # fmt: skip
        self.assertTrue(answer.complete)
        self.assertEqual(answer.response_model, "mistral-medium-2505")
        assert isinstance(answer.usage, Usage)
        self.assertEqual((answer.usage.input_tokens, answer.usage.output_tokens), (9, 3))

    def test_parts_calls_and_tools(self) -> None:
        """What is no text stays a part of its own; arguments are joined by their call."""
        reference = {"type": "tool_reference", "tool": "web_search", "title": "t"}
        call = {"type": "function.call.delta", "output_index": 1, "id": "fc_1", "name": "f", "tool_call_id": "c"}
        answer = read(
            STARTED, {"type": "tool.execution.started", "output_index": 0, "id": "t_1", "name": "web_search"},
            {"type": "tool.execution.done", "output_index": 0, "id": "t_1", "name": "web_search", "info": {"n": 1}},
            said("See", 2), said(reference, 2), said({"type": "text", "text": " this"}, 2), said(".", 2),
            {**call, "arguments": '{"a"'}, {**call, "arguments": ":1}"}, DONE,
        )  # fmt: skip
        tool, message, function = answer.body["outputs"]
        self.assertEqual((tool["type"], tool["info"]), ("tool.execution", {"n": 1}))
        parts = [{"type": "text", "text": "See"}, reference, {"type": "text", "text": " this."}]
        self.assertEqual(message["content"], parts)
        self.assertEqual((function["type"], function["arguments"]), ("function.call", '{"a":1}'))

    def test_without_its_end(self) -> None:
        """A stream is not complete before it says so, however its framing ended; an error is one."""
        self.assertFalse(read(STARTED, said("Hel")).complete)
        self.assertFalse(read(STARTED, said("Hel"), whole=False).complete)
        failed = read(STARTED, {"type": "conversation.response.error", "message": "too much", "code": 3000})
        self.assertFalse(failed.complete)
        assert failed.error is not None
        self.assertEqual((failed.error.kind, failed.error.message), ("3000", "too much"))

    def test_which_calls(self) -> None:
        """Those that begin a conversation, and those that go on with one; none that lists or is of another maker."""
        self.assertTrue(is_conversation(NEW))
        self.assertTrue(is_conversation(FURTHER))
        restart = facts_for(b"/v1/conversations/conv_1/restart", None, request_body={"inputs": "x"})
        self.assertTrue(is_conversation(restart))
        self.assertFalse(is_conversation(facts_for(b"/v1/conversations", None, request_body={"items": []})))
        self.assertFalse(is_conversation(facts_for(b"/v1/threads/t/runs", None, request_body={"inputs": "x"})))
