"""Which dialect, category and model a request tells of, before there is an answer."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import Facts, detect
from ccsproxy.dialects.registry import FORMATS

TABLE = [
    # method, target, body; dialect, category, model
    ("POST", "/v1/messages?beta=true", {"model": "claude"}, "anthropic", "model", "claude"),
    ("POST", "/prefix/v1/messages", {"model": "claude"}, "anthropic", "model", "claude"),
    ("POST", "/v1/messages/count_tokens", {"model": "claude"}, "anthropic", "count_tokens", "claude"),
    ("POST", "/v1/messages/batches", None, "anthropic", "other", None),
    ("GET", "/v1/messages/batches/b/results", None, "anthropic", "other", None),
    ("POST", "/v1/threads/t/messages", None, "openai_assistants", "other", None),
    ("POST", "/v1/threads/t/runs", {"assistant_id": "a"}, "openai_assistants", "model", None),
    ("POST", "/v1/threads/runs", {"assistant_id": "a"}, "openai_assistants", "model", None),
    ("POST", "/v1/threads/t/runs/r/submit_tool_outputs", {}, "openai_assistants", "model", None),
    ("GET", "/v1/threads/t/runs/r", None, "openai_assistants", "other", None),
    ("GET", "/v1/chat/completions/c", None, "openai_chat", "other", None),
    ("GET", "/v1/chat/completions/c/messages", None, "openai_chat", "other", None),
    ("GET", "/v1/chat/completions", None, "openai_chat", "other", None),
    ("POST", "/v1/agents/completions", {"agent_id": "a", "messages": []}, "openai_chat", "model", None),
    ("POST", "/v1/conversations", {"agent_id": "a", "inputs": "x"}, "generic", "model", None),
    ("POST", "/v1/conversations", {"items": []}, "generic", "other", None),
    ("POST", "/v1/batches", {"input_file_id": "f"}, "generic", "other", None),
    ("POST", "/v1/vector_stores", {"name": "v"}, "generic", "other", None),
    ("POST", "/v1/assistants", {"model": "gpt", "instructions": "x"}, "generic", "other", "gpt"),
    ("POST", "/v1/images/edits", None, "generic", "model", None),
    ("POST", "/v1/audio/transcriptions", None, "generic", "model", None),
    ("POST", "/v1/projects/p/publishers/google/models/e:predict", {}, "gemini", "model", "e"),
    ("GET", "/v1beta/interactions/i", None, "gemini", "other", None),
    ("POST", "/v1beta/cachedContents", {"model": "models/g", "contents": []}, "gemini", "other", "models/g"),
    ("POST", "/v2/chat", {"model": "command", "messages": []}, "cohere", "model", "command"),
    ("POST", "/v1/chat", {"message": "hi"}, "cohere", "model", None),
    ("POST", "/v1/embed", {"model": "e", "texts": []}, "cohere", "model", "e"),
    ("POST", "/api/embed", {"model": "e"}, "ollama", "model", "e"),
    ("POST", "/v1/rerank", {"model": "r", "query": "q"}, "generic", "model", "r"),
    ("GET", "/v1/complete", None, "anthropic", "other", None),
    ("POST", "/v1/projects/p/publishers/anthropic/models/c:streamRawPredict", {}, "anthropic", "model", "c"),
    ("POST", "/v1/publishers/anthropic/models/count-tokens:rawPredict", {}, "anthropic", "count_tokens", None),
    ("POST", "/v1/publishers/mistralai/models/m:rawPredict", {}, "openai_chat", "model", "m"),
    ("POST", "/v1/responses", {"model": "gpt"}, "openai_responses", "model", "gpt"),
    ("POST", "/backend-api/codex/responses", {"model": "gpt"}, "openai_responses", "model", "gpt"),
    ("POST", "/v1/responses/compact", {"model": "gpt"}, "openai_responses", "model", "gpt"),
    ("POST", "/v1/responses/input_tokens", {"model": "gpt"}, "openai_responses", "count_tokens", "gpt"),
    ("GET", "/v1/responses/r?stream=true", None, "openai_responses", "other", None),
    ("POST", "/v1/responses/r/cancel", None, "openai_responses", "other", None),
    ("POST", "/v1/chat/completions", {"model": "gpt"}, "openai_chat", "model", "gpt"),
    ("POST", "/openai/deployments/d/chat/completions?api-version=1", {}, "openai_chat", "model", "d"),
    ("POST", "/v1/completions", {"model": "gpt"}, "openai_chat", "model", "gpt"),
    ("POST", "/v1beta/models/g:streamGenerateContent?alt=sse", {}, "gemini", "model", "g"),
    ("POST", "/v1beta/models/g:countTokens", {}, "gemini", "count_tokens", "g"),
    ("POST", "/v1internal:streamGenerateContent?alt=sse", {"model": "g"}, "gemini", "model", "g"),
    ("POST", "/v1internal:loadCodeAssist", {}, "gemini", "other", None),
    ("POST", "/v1beta/interactions", {"model": "g"}, "gemini", "model", "g"),
    ("POST", "/api/chat", {"model": "l"}, "ollama", "model", "l"),
    ("POST", "/api/generate", {"model": "l"}, "ollama", "model", "l"),
    ("GET", "/api/tags", None, "ollama", "models", None),
    ("POST", "/model/anthropic.c%3A0/invoke-with-response-stream", {}, "bedrock", "model", "anthropic.c:0"),
    ("POST", "/model/arn%3Aaws%2Fx/converse-stream", {}, "bedrock", "model", "arn:aws/x"),
    ("GET", "/inference-profiles?type=SYSTEM_DEFINED", None, "bedrock", "models", None),
    ("GET", "/v1/models", None, "generic", "models", None),
    ("GET", "/v1/models/claude", None, "generic", "models", None),
    ("POST", "/v1/oauth/token", None, "generic", "auth", None),
    ("POST", "/api/event_logging/v2/batch", {}, "generic", "telemetry", None),
    ("POST", "/codex/analytics-events/events", {}, "generic", "telemetry", None),
    ("POST", "/v1/embeddings", {"model": "e", "input": "x"}, "generic", "model", "e"),
    ("HEAD", "/", None, "generic", "other", None),
    ("GET", "", None, "generic", "other", None),
]


def facts(method: str, target: str, body: Any, **more: Any) -> Facts:
    return Facts(method=method.encode(), target=target.encode(), request_body=body, **more)


class DetectTests(SynchronousTestCase):
    """The request alone says what kind of call it is."""

    def test_routes(self) -> None:
        """Every known route has its dialect, its category and its model."""
        for method, target, body, *expected in TABLE:
            found = detect(facts(method, target, body))
            self.assertEqual([found.name, found.category, found.model], expected, target)

    def test_cohere_by_its_host(self) -> None:
        """Names that several vendors use are Cohere's at its own host."""
        for path, category in (("/v1/rerank", "model"), ("/v2/rerank", "model"), ("/v1/tokenize", "count_tokens")):
            found = detect(facts("POST", path, {"model": "r", "query": "q"}, provider="cohere"))
            self.assertEqual((found.name, found.category), ("cohere", category))

    def test_no_lone_generic_member_decides(self) -> None:
        """An object is recognised by what only one dialect has; each of these members many others have, too."""
        for name, value in (
            ("metadata", {}),
            ("metadata", {"usage": {}}),
            ("stopReason", "end_turn"),
            ("candidates", []),
            ("candidates", [{"name": "Ada"}]),
            ("usageMetadata", {}),
            ("message", {"role": "user"}),
            ("model", "m"),
            ("done", True),
            ("type", "message"),
            ("type", "message_start"),
            ("type", "content_block_delta"),
            ("type", "response.created"),
            ("type", "message-start"),
            ("object", "response"),
            ("object", "chat.completion"),
            ("object", "thread"),
            ("choices", []),
            ("choices", [{"title": "a"}]),
            ("event_type", "created"),
            ("meta", {}),
            ("messageStart", True),
            ("response", {}),
        ):
            for wire_format in FORMATS:
                self.assertFalse(wire_format.recognises({name: value}), (wire_format.name, name, value))

    def test_objects_of_other_apis(self) -> None:
        """Objects with ``metadata`` of every kind stay what their route says."""
        for path, value in (
            ("/v1/threads", {"id": "thread_1", "object": "thread", "metadata": {}}),
            ("/v1/batches", {"id": "batch_1", "object": "batch", "metadata": None}),
            ("/v1/vector_stores", {"id": "vs_1", "object": "vector_store", "metadata": {}, "status": "completed"}),
            ("/v1/conversations", {"id": "conv_1", "object": "conversation", "metadata": {}}),
            ("/v1/prompts", {"metadata": {"name": "a"}, "message": {"role": "user"}}),
        ):
            asked = facts("POST", path, {"a": 1}, status=200, content_type="application/json")
            reader = detect(asked).reader(asked)
            reader.feed(json.dumps(value).encode(), 1.0)
            self.assertNotEqual(reader.finish(True).dialect, "bedrock", path)

    def test_the_forced_family_decides_where_routes_do_not(self) -> None:
        """An unknown route with a prompt speaks the forced family's dialect."""
        for forced, body, expected in (
            ("claude", {"model": "m", "messages": []}, "anthropic"),
            ("codex", {"model": "m", "messages": []}, "openai_chat"),
            ("codex", {"model": "m", "input": []}, "openai_responses"),
            ("", {"model": "m", "messages": []}, "generic"),
        ):
            found = detect(facts("POST", "/llm", body, forced=forced))
            self.assertEqual((found.name, found.category), (expected, "model"))

    def test_the_forced_family_excludes_others(self) -> None:
        """A route of another family is not believed."""
        found = detect(facts("POST", "/v1/chat/completions", {"model": "m", "messages": []}, forced="claude"))
        self.assertEqual(found.name, "anthropic")

    def test_the_provider_decides_where_routes_do_not(self) -> None:
        """The known name of the upstream counts, too."""
        found = detect(facts("POST", "/llm", {"model": "m", "messages": []}, provider="deepseek"))
        self.assertEqual(found.name, "openai_chat")

    def test_other_services_of_a_provider(self) -> None:
        """Without a conversation a call is none of the provider's chats, whoever is asked."""
        for target, body in (
            (b"/v1/conversations", {"model": "m", "inputs": "hi"}),
            (b"/v1/ocr", {"model": "mistral-ocr", "document": {}}),
            (b"/v1/agents/completions", {"agent_id": "a", "messages": []}),
        ):
            facts = Facts(method=b"POST", target=target, provider="mistral", request_body=body)
            dialect = detect(facts)
            expected = "openai_chat" if "messages" in body else "generic"
            self.assertEqual((dialect.name, dialect.category), (expected, "model"), target)

    def test_any_bytes(self) -> None:
        """Targets and bodies of any kind are detected without an error."""
        for target in (b"\xff\xfe", b"*", b"//", b"/%zz?%ff=&&", b"http://host/v1/messages"):
            for body in (None, [], "x", {"model": 7}):
                self.assertIsNone(detect(Facts(method=b"\xff", target=target, request_body=body)).model)
