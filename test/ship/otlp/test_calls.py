"""What a span says of one call."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.otlp import content, names
from ccsproxy.ship.otlp.calls import call_attributes, error_type, failure, operation_of, provider_name, span_name
from ccsproxy.ship.otlp.content import content_attributes


def record(**more: Any) -> dict[str, Any]:
    """Make a record of a model call."""
    body = {"model": "claude-opus-5-5", "max_tokens": 100, "temperature": 1, "stop_sequences": ["END"]}
    base = {
        "id": "r1", "seq": 7, "session_id": "s", "started_at": "2026-11-30T10:00:00.000Z", "duration_ms": 1500.0,
        "ttft_ms": 300.0, "upstream": "anthropic", "upstream_url": "https://api.anthropic.com",
        "dialect": "anthropic", "category": "model", "model": "claude-opus-5-5", "response_model": "claude-opus-5-5",
        "outcome": "complete", "stop_reason": "end_turn", "error": None,
        "client": {"name": "claude-code", "version": "2.1.300", "account": "me@example.com"}, "labels": {},
        "usage": {"input_tokens": 10, "output_tokens": 50, "cache_read_input_tokens": 700,
                  "cache_creation_input_tokens": 40, "reasoning_tokens": None},
        "timing": {"first_byte": 250.0},
        "request": {"method": "POST", "path": "/v1/messages?beta=true", "body": body},
        "response": {"status": 200, "stream": {"text": ""}, "body_reassembled": {"id": "msg_1"}},
    }  # fmt: skip
    return {**base, **more}


class CallTests(SynchronousTestCase):
    """Attributes of a call."""

    def test_usage(self) -> None:
        """The input holds the cached; cache writes have both names; what is unknown is not there."""
        said = call_attributes(record())
        self.assertEqual(said[names.INPUT_TOKENS], 750)
        self.assertEqual(
            (said[names.CACHE_READ], said[names.CACHE_WRITE], said[names.CACHE_WRITE_BEFORE]), (700, 40, 40)
        )
        self.assertNotIn(names.REASONING_TOKENS, said)
        self.assertNotIn(
            names.INPUT_TOKENS, call_attributes(record(usage={"input_tokens": None, "output_tokens": 0}))
        )

    def test_one_call(self) -> None:
        """Who asked whom for what, and where it belongs."""
        said = call_attributes(record(labels={"user": "ann", "host": "box", "team": "shop"}))
        self.assertEqual(span_name(record()), "chat claude-opus-5-5")
        wanted = {
            "session.id": "s", "gen_ai.conversation.id": "s", "user.id": "ann", "ccsproxy.label.team": "shop",
            "server.address": "api.anthropic.com", "server.port": 443, "url.path": "/v1/messages",
            "gen_ai.provider.name": "anthropic", "gen_ai.request.max_tokens": 100, "gen_ai.request.temperature": 1.0,
            "gen_ai.request.stop_sequences": ["END"], "gen_ai.request.stream": True, "gen_ai.response.id": "msg_1",
            "gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.response.finish_reasons": ["end_turn"],
            "gen_ai.agent.name": "claude-code", "ccsproxy.record.id": "r1",
        }  # fmt: skip
        self.assertEqual({name: said.get(name) for name in wanted}, wanted)
        self.assertNotIn("ccsproxy.label.user", said)
        self.assertIsInstance(said["gen_ai.request.temperature"], float)

    def test_errors(self) -> None:
        """The class of each ending; a person who stops an answer has not failed."""
        self.assertIsNone(error_type(record()))
        refused = record(outcome="http_error", response={"status": 429}, error={"kind": "x", "message": "slow down"})
        self.assertEqual((error_type(refused), failure(refused)), ("429", "slow down"))
        stream = record(outcome="stream_error", error={"kind": "overloaded_error", "message": ""})
        self.assertEqual((error_type(stream), failure(stream)), ("overloaded_error", ""))
        gone = record(outcome="client_disconnected", stop_reason=None)
        self.assertEqual((error_type(gone), failure(gone)), ("client_disconnected", None))
        self.assertEqual(call_attributes(gone)[names.FINISH_REASONS], ["error"])
        self.assertEqual(error_type(record(outcome="upstream_truncated")), "upstream_truncated")

    def test_operations(self) -> None:
        """Told by the path, and by the dialect where the path is every call's."""
        for path, dialect, expected in (
            ("/v1/chat/completions", "openai_chat", "chat"),
            ("/v1/completions", "openai_chat", "text_completion"),
            ("/v1/embeddings", "openai_chat", "embeddings"),
            ("/v1beta/models/g:streamGenerateContent?alt=sse", "gemini", "generate_content"),
            ("/v1/responses", "openai_responses", "chat"),
        ):
            self.assertEqual(operation_of(record(request={"path": path}, dialect=dialect)), expected, path)
        other = record(category="telemetry", request={"method": "POST", "path": "/api/event"}, model=None)
        self.assertIsNone(operation_of(other))
        self.assertEqual(span_name(other), "POST")
        self.assertNotIn(names.PROVIDER, call_attributes(other))

    def test_providers(self) -> None:
        """By the host that answered, then by the dialect; one that the conventions do not know keeps its name."""
        for url, dialect, expected in (
            ("https://bedrock-runtime.us-east-1.amazonaws.com", "bedrock", "aws.bedrock"),
            ("https://me.openai.azure.com", "openai_chat", "azure.ai.openai"),
            ("https://api.x.ai", "openai_chat", "x_ai"),
            ("https://openrouter.ai/api", "openai_chat", "openrouter"),
            ("http://127.0.0.1:9999", "openai_chat", "openai"),
            ("not a url", "nothing", "work"),
        ):
            self.assertEqual(provider_name(record(upstream_url=url, dialect=dialect, upstream="work")), expected)

    def test_odd_records(self) -> None:
        """A record that lacks nearly everything, or holds what it should not, is a span all the same."""
        for odd in (
            {"id": "r", "seq": 1, "session_id": "s", "outcome": "unclean", "request": None, "response": None},
            record(upstream_url="http://[bad", usage={"output_tokens": "x"}, request={"body": [1], "path": None}),
            record(request={"body": {"temperature": "hot", "stop": [1], "max_tokens": True, "n": 1}}),
        ):
            said = call_attributes(odd)
            self.assertEqual(said["ccsproxy.outcome"], odd["outcome"])
            self.assertNotIn("gen_ai.request.max_tokens", said)


class ContentTests(SynchronousTestCase):
    """What was said, within bounds."""

    def test_long_conversation(self) -> None:
        """Of 10 MB the newest messages stay, and it is said how many are left out."""
        messages = [{"role": "user", "content": f"{n} " + "x" * 100_000} for n in range(100)]
        said = content_attributes(record(request={"body": {"messages": messages, "system": "s" * 500_000}}))
        kept = json.loads(str(said[names.INPUT]))
        self.assertEqual(len(kept) + int(said[content.LEFT_OUT]), 100)
        self.assertTrue(kept[-1]["parts"][0]["content"].startswith("99 "))
        self.assertLess(sum(len(str(value)) for value in said.values()), 1 << 20)
        self.assertIs(said[content.CUT], True)

    def test_one_long_message(self) -> None:
        """A message that alone is too long is cut, and marked."""
        body = {"messages": [{"role": "user", "content": "y" * 3_000_000}]}
        said = content_attributes(record(request={"body": body}))
        text = json.loads(str(said[names.INPUT]))[0]["parts"][0]["content"]
        self.assertTrue(text.endswith("[cut]"))
        self.assertLess(len(text), content.MOST_MESSAGES)

    def test_unreadable(self) -> None:
        """A body that is nested without end costs its content, not its span."""
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]
        said = content_attributes(record(request={"body": {"messages": [{"role": "user", "content": deep}]}}))
        self.assertIs(said.get(content.CUT), True)
