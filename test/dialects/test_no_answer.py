"""What comes in place of an answer, and how an exchange with it ends."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.ending import FinalOutcome, refine
from ccsproxy.dialects import Facts, detect
from ccsproxy.exchange.relayed import Ending, Timing

WHOLE = Ending("complete", "", "", 0, Timing())
ASKED = {"model": "m", "messages": [], "stream": True}
#: A model call of each dialect.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/messages", ASKED),
    ("/v1/complete", {"model": "m", "prompt": "x"}),
    ("/v1/responses", {"model": "m", "input": "x"}),
    ("/v1/chat/completions", ASKED),
    ("/v1beta/models/g:generateContent", {"contents": []}),
    ("/v1beta/interactions", {"model": "g", "input": "x"}),
    ("/api/chat", ASKED),
    ("/v2/chat", ASKED),
    ("/model/meta.llama/invoke", {"prompt": "x"}),
    ("/model/amazon.nova/converse", {"messages": []}),
    ("/v1/threads/t/runs", {"assistant_id": "a"}),
)
#: What each of them may be answered with.
ANSWERS: tuple[tuple[str, Any], ...] = (
    ("/v1/messages", {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"}),
    ("/v1/complete", {"type": "completion", "completion": "x", "stop_reason": "stop_sequence"}),
    ("/v1/responses", {"object": "response", "status": "completed", "output": []}),
    ("/v1/responses", {"object": "response", "status": "queued", "output": []}),
    ("/v1/responses/compact", {"object": "response.compaction", "output": []}),
    ("/v1/chat/completions", {"object": "chat.completion", "choices": [{"message": {}, "finish_reason": "stop"}]}),
    ("/v1beta/models/g:generateContent", {"candidates": [{"finishReason": "STOP"}]}),
    ("/v1beta/models/g:generateContent", {"promptFeedback": {"blockReason": "SAFETY"}}),
    ("/v1beta/models/g:embedContent", {"embedding": {"values": [0.5]}}),
    ("/v1internal:generateContent", {"response": {"candidates": [{"finishReason": "STOP"}]}}),
    ("/api/chat", {"model": "l", "message": {"role": "assistant", "content": ""}, "done": True}),
    ("/v2/chat", {"id": "m", "message": {"role": "assistant"}, "finish_reason": "COMPLETE"}),
    ("/model/meta.llama/invoke", {"generation": "hi", "stop_reason": "stop"}),
    ("/model/amazon.nova/converse", {"output": {"message": {"role": "assistant", "content": []}}}),
    ("/v1/threads/t/runs", {"id": "run_1", "object": "thread.run", "status": "queued"}),
    ("/v1/embeddings", {"object": "list", "data": []}),
    ("/v1/images/generations", {"created": 1, "data": []}),
)

#: Errors that gateways answer 200 with: DashScope, vLLM, FastAPI, GraphQL, MiniMax, Ollama's and others.
GATEWAY_ERRORS: tuple[dict[str, Any], ...] = (
    {"message": "Too many requests"},
    {"detail": "Not found"},
    {"code": "InvalidApiKey", "message": "Invalid key", "request_id": "1"},
    {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
    {"success": False, "code": 500, "msg": "boom"},
    {"status": "error", "message": "boom"},
    {"errors": [{"message": "boom"}]},
    {"error": True, "message": "boom"},
    {"name": "Error", "message": "boom"},
)


def ended(
    path: str,
    asked: Any,
    body: bytes,
    content_type: str = "application/json",
    *,
    status: int = 200,
    method: str = "POST",
) -> FinalOutcome:
    """Read an answer, and say how its exchange ended."""
    facts = Facts(method=method.encode(), target=path.encode(), request_body=asked, status=status,
                  content_type=content_type)  # fmt: skip
    dialect = detect(facts)
    reader = dialect.reader(facts)
    reader.feed(body, 1.0)
    return refine(WHOLE, status, reader.finish(True), dialect.category, False)


class NoAnswerTests(SynchronousTestCase):
    """A 200 that holds no answer of a model is not complete."""

    def assert_failed(self, found: FinalOutcome, kind: str, words: str, told: str) -> None:
        assert found.error is not None, told
        self.assertIn(found.outcome, ("upstream_error", "stream_error"), told)
        self.assertEqual(found.error.kind, kind, told)
        self.assertIn(words, found.error.message, told)

    def test_nothing(self) -> None:
        """No byte, or blanks only."""
        for path, asked in CALLS:
            for content_type in ("text/event-stream", "application/json", ""):
                for body in (b"", b"\n\n", b" \r\n"):
                    found = ended(path, asked, body, content_type)
                    self.assert_failed(found, "empty_answer", "nothing in it", path)

    def test_a_web_page(self) -> None:
        """A page, under any content type."""
        page = b"<!DOCTYPE html><html><title>502 Bad\n Gateway</title></html>"
        for path, asked in CALLS:
            for content_type in ("text/html", "text/event-stream", "application/json", "text/plain"):
                found = ended(path, asked, page, content_type)
                self.assert_failed(found, "not_an_answer", "a web page: 502 Bad Gateway", path)

    def test_an_error_object(self) -> None:
        """An error in the shapes of several makers and gateways."""
        for path, asked in CALLS:
            for value, kind, words in (
                (
                    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
                    "overloaded_error",
                    "Over",
                ),
                ({"error": {"message": "boom", "type": None, "code": 500}}, "500", "boom"),
                ({"error": "boom"}, "error", "boom"),
                ([{"error": {"status": "UNAVAILABLE", "message": "boom"}}], "UNAVAILABLE", "boom"),
            ):
                found = ended(path, asked, json.dumps(value).encode())
                self.assert_failed(found, kind, words, f"{path} {value}")

    def test_errors_of_gateways(self) -> None:
        """Objects that hold nothing but an error, of calls whose answers are known and not: JSON and events."""
        others = (
            ("/v1/embeddings", {"model": "e", "input": "x"}),
            ("/v1/images/generations", {"model": "i", "prompt": "x"}),
            ("/v1/rerank", {"model": "r", "query": "x", "documents": []}),
            ("/llm/answer", ASKED),
        )
        for path, asked in (*CALLS, *others):
            for value in GATEWAY_ERRORS:
                body = json.dumps(value).encode()
                found = ended(path, asked, body)
                self.assertEqual((found.outcome, found.error is None), ("upstream_error", False), f"{path} {value}")
                found = ended(path, asked, b"data: %b\n\n" % body, "text/event-stream")
                self.assertNotEqual(found.outcome, "complete", f"{path} {value}")
                assert found.error is not None
                self.assertTrue(found.error.message)

    def test_objects_without_an_answer(self) -> None:
        """The members of an answer with nothing in them, and the answers of other services."""
        for path in ("/api/chat", "/v2/chat", "/v1/messages", "/v1/chat/completions", "/v1/responses"):
            for value in (
                {"done": True, "response": {}},
                {"message": {}},
                {"choices": []},
                {"status": "ok"},
                {"id": 1},
            ):
                found = ended(path, {**ASKED, "input": "x"}, json.dumps(value).encode())
                self.assert_failed(found, "not_an_answer", "", f"{path} {value}")

    def test_text_for_json(self) -> None:
        """Calls that are answered in JSON alone are not answered by text; events of no model tell of anything."""
        found = ended("/v1/embeddings", {"model": "e", "input": "x"}, b"Service Unavailable", "text/plain")
        self.assert_failed(found, "not_an_answer", "model's answer", "embeddings")
        found = ended("/mcp", {"jsonrpc": "2.0"}, b'data: {"id": 1, "error": {"code": -1}}\n\n', "text/event-stream")
        self.assertEqual(found.outcome, "complete")

    def test_tools_that_failed(self) -> None:
        """An agent's stream tells of a tool's error without failing; an error with nothing else is the call's."""
        tool = {"event": "tool_end", "tool": "read", "error": "no such file"}
        for value, outcome in (
            (tool, "complete"),
            ({"id": "c", "model": "m", "choices": [], "error": {"message": "boom"}}, "stream_error"),
        ):
            body = b'data: {"event": "text", "text": "hi"}\n\ndata: %b\n\n' % json.dumps(value).encode()
            self.assertEqual(ended("/agent/run", ASKED, body, "text/event-stream").outcome, outcome, str(value))

    def test_the_json_of_somebody_else(self) -> None:
        """JSON that is no message; the sentence that it has for itself is told."""
        for path, asked in CALLS:
            for value, words in (
                ({"success": False, "msg": "quota exceeded"}, "quota exceeded"),
                (["a"], ""),
                (7, ""),
            ):
                if ("invoke" in path and value != 7) or ("beta" in path and value == ["a"]):
                    continue  # every model of Bedrock answers in words of its own; Gemini's streams are arrays
                found = ended(path, asked, json.dumps(value).encode())
                self.assert_failed(found, "not_an_answer", words, f"{path} {value}")

    def test_cut_json_and_text(self) -> None:
        """JSON that cannot be read, and text."""
        for path, asked in CALLS:
            self.assert_failed(ended(path, asked, b'{"a": '), "not_an_answer", "cannot be read", path)
            self.assert_failed(ended(path, asked, b"go away", "text/plain"), "not_an_answer", "model's answer", path)

    def test_streams_that_say_nothing(self) -> None:
        """Comments, pings and ends are no answer."""
        for path, asked in CALLS:
            for body in (b": keep-alive\n\n", b'event: ping\ndata: {"type": "ping"}\n\n', b"data: [DONE]\n\n"):
                found = ended(path, asked, body, "text/event-stream")
                self.assertNotEqual(found.outcome, "complete", (path, body))
                assert found.error is not None
                self.assertTrue(found.error.message)

    def test_failed_responses(self) -> None:
        """A response that failed, with and without its error."""
        for error, kind in (({"code": "server_error", "message": "boom"}, "server_error"), (None, "failed")):
            value = {"object": "response", "status": "failed", "error": error, "output": []}
            found = ended("/v1/responses", {"input": "x"}, json.dumps(value).encode())
            self.assert_failed(found, kind, "", str(error))

    def test_answers(self) -> None:
        """What is an answer, however little it says, is complete."""
        for path, value in ANSWERS:
            found = ended(path, {"model": "m", "input": "x", "message": "y"}, json.dumps(value).encode())
            self.assertEqual((found.outcome, found.error), ("complete", None), f"{path} {value}")

    def test_calls_of_no_model(self) -> None:
        """Other calls may be answered with anything; a stored answer may hold an error of long ago."""
        for path, body, content_type in (
            ("/v1/files", b"", "application/json"),
            ("/", b"<html></html>", "text/html"),
            ("/v1/batches/b/results", b'{"a":1}\n{"a":2}\n', "application/x-jsonl"),
        ):
            self.assertEqual(ended(path, None, body, content_type, method="GET").outcome, "complete", path)
        failed = {"object": "response", "status": "failed", "error": {"code": "x", "message": "boom"}}
        found = ended("/v1/responses/r", None, json.dumps(failed).encode(), method="GET")
        self.assertEqual(found.outcome, "complete")

    def test_speech_and_unknown_servers(self) -> None:
        """Bytes and text are answers where the dialect is not known."""
        found = ended("/v1/audio/speech", {"model": "m", "input": "x"}, b"\xff\xfb\0", "audio/mpeg")
        self.assertEqual(found.outcome, "complete")
        found = ended("/v1/audio/transcriptions", None, b"hello\n", "text/plain")
        self.assertEqual(found.outcome, "complete")

    def test_statuses_without_a_body(self) -> None:
        """Some statuses promise no body."""
        for status in (202, 204):
            found = ended("/v1/messages", ASKED, b"", "application/json", status=status)
            self.assertEqual(found.outcome, "complete")
