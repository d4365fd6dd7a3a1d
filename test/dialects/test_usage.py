"""Token counts of every provider come to one disjoint shape."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.anthropic.usage import anthropic_usage
from ccsproxy.dialects.bedrock.usage import converse_usage, header_usage, invocation_usage
from ccsproxy.dialects.cohere.usage import cohere_usage
from ccsproxy.dialects.counts import count, least_tokens
from ccsproxy.dialects.gemini.usage import gemini_usage
from ccsproxy.dialects.ollama.usage import ollama_usage
from ccsproxy.dialects.openai.usage import openai_usage, response_usage
from ccsproxy.exchange.usage import Pass, Usage
from test.dialects.exchanges import facts_for, read, read_as, sse


class UsageTests(SynchronousTestCase):
    """Unknown is None, never 0, and no count contains another."""

    def test_what_is_a_count(self) -> None:
        """Whole numbers that are not negative, and nothing else."""
        self.assertEqual([count(value) for value in (0, 7, 7.0)], [0, 7, 7])
        for value in (None, True, -1, 1.5, "7", [], float("inf"), float("nan")):
            self.assertIsNone(count(value), value)

    def test_anthropic(self) -> None:
        """Anthropic's counts are disjoint already."""
        raw = {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 4,
            "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
            "output_tokens_details": {"thinking_tokens": 1},
        }
        expected = Usage(
            input_tokens=1,
            output_tokens=2,
            cache_creation_input_tokens=3,
            cache_read_input_tokens=4,
            cache_creation_5m=1,
            cache_creation_1h=2,
            reasoning_tokens=1,
            raw=raw,
        )
        self.assertEqual(anthropic_usage(raw), expected)
        self.assertEqual(anthropic_usage({}), Usage(raw={}))

    def test_openai(self) -> None:
        """The input loses what the cache gave and took; both names of both APIs are read."""
        details = {"cached_tokens": 6, "cache_write_tokens": 1}
        thought = {"reasoning_tokens": 2}
        raw = {
            "input_tokens": 10,
            "input_tokens_details": details,
            "output_tokens": 5,
            "output_tokens_details": thought,
        }
        chat = {
            "prompt_tokens": 10,
            "prompt_tokens_details": details,
            "completion_tokens": 5,
            "completion_tokens_details": thought,
        }
        for said in (raw, chat):
            expected = Usage(
                input_tokens=3,
                output_tokens=5,
                cache_creation_input_tokens=1,
                cache_read_input_tokens=6,
                reasoning_tokens=2,
                raw=said,
            )
            self.assertEqual(openai_usage(said), expected)

    def test_openai_relatives(self) -> None:
        """DeepSeek names its cache otherwise; where nobody speaks of a cache, the whole input counts."""
        got = openai_usage({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4})
        assert got is not None
        self.assertEqual((got.input_tokens, got.cache_read_input_tokens), (6, 4))
        got = openai_usage({"prompt_tokens": 10})
        assert got is not None
        self.assertEqual((got.input_tokens, got.cache_read_input_tokens, got.output_tokens), (10, None, None))

    def test_counts_that_contradict(self) -> None:
        """More cached than sent makes the rest unknown, not negative."""
        got = openai_usage({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}})
        assert got is not None
        self.assertIsNone(got.input_tokens)

    def test_gemini(self) -> None:
        """The prompt loses its cached part and gains what tools added; thoughts are part of the output."""
        raw = {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 4,
            "toolUsePromptTokenCount": 3,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 2,
        }
        expected = Usage(input_tokens=9, output_tokens=7, cache_read_input_tokens=4, reasoning_tokens=2, raw=raw)
        self.assertEqual(gemini_usage(raw), expected)

    def test_gemini_leaves_out_zeros(self) -> None:
        """Thoughts without an answer: the total tells; without anything said the output is unknown."""
        got = gemini_usage({"promptTokenCount": 10, "thoughtsTokenCount": 7, "totalTokenCount": 17})
        assert got is not None
        self.assertEqual(got.output_tokens, 7)
        got = gemini_usage({"promptTokenCount": 10, "totalTokenCount": 10})
        assert got is not None
        self.assertIsNone(got.output_tokens)

    def test_the_others(self) -> None:
        """Ollama and Bedrock have few counts."""
        got = ollama_usage({"model": "l", "eval_count": 2, "load_duration": 9})
        self.assertEqual(got, Usage(output_tokens=2, raw={"eval_count": 2, "load_duration": 9}))
        self.assertIsNone(ollama_usage({"model": "l"}))
        raw = {"inputTokens": 1, "outputTokens": 2, "cacheWriteInputTokens": 3, "cacheReadInputTokens": 4}
        expected = Usage(
            input_tokens=1, output_tokens=2, cache_creation_input_tokens=3, cache_read_input_tokens=4, raw=raw
        )
        self.assertEqual(converse_usage(raw), expected)

    def test_output_that_only_the_total_tells(self) -> None:
        """Reasoning that the completion leaves out is output: the total proves it, or that it is more than all."""
        xai = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}
        xai["completion_tokens_details"] = {"reasoning_tokens": 94}  # type: ignore[assignment]
        gemini = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
        for raw, expected in (
            (xai, (32, 103, 94)),
            ({key: value for key, value in xai.items() if key != "total_tokens"}, (32, 103, 94)),
            (gemini, (35, 74, None)),
            ({"prompt_tokens": 5, "total_tokens": 12}, (5, 7, None)),
            ({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 10}, (5, 7, None)),
            ({**xai, "total_tokens": 41}, (32, 9, None)),
        ):
            got = openai_usage(raw)
            assert got is not None
            self.assertEqual((got.input_tokens, got.output_tokens, got.reasoning_tokens), expected, raw)

    def test_input_that_only_the_total_tells(self) -> None:
        """Audio that Mistral's prompt leaves out is input."""
        usage = {"prompt_tokens": 4, "completion_tokens": 20, "total_tokens": 399}
        for more in (
            {"prompt_audio_seconds": 30},
            {"audio_tokens": 375},
            {"prompt_tokens_details": {"audio_tokens": 375}},
        ):
            got = openai_usage({**usage, **more})
            assert got is not None
            self.assertEqual((got.input_tokens, got.output_tokens), (379, 20), more)

    def test_a_prompt_without_its_cached_part(self) -> None:
        """Where the total says so, the prompt does not include what the cache gave."""
        details = {"prompt_tokens_details": {"cached_tokens": 90}}
        got = openai_usage({"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 100, **details})
        assert got is not None
        self.assertEqual((got.input_tokens, got.cache_read_input_tokens, got.output_tokens), (8, 90, 2))
        got = openai_usage({"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10, **details})
        assert got is not None
        self.assertIsNone(got.input_tokens)

    def test_counts_beyond_every_reader(self) -> None:
        """What is beyond 2^53 - 1 is not known, in every dialect."""
        most = 2**53 - 1
        self.assertEqual([count(most), count(float(most - 1))], [most, most - 1])
        for big in (most + 1, 2**63, 2**64, 1e300, 10**400):
            self.assertIsNone(count(big))
            for mapper, key in (
                (anthropic_usage, "input_tokens"),
                (openai_usage, "prompt_tokens"),
                (openai_usage, "input_tokens"),
                (gemini_usage, "promptTokenCount"),
                (ollama_usage, "prompt_eval_count"),
                (converse_usage, "inputTokens"),
                (invocation_usage, "inputTokenCount"),
            ):
                got = mapper({key: big})
                assert got is not None
                self.assertIsNone(got.input_tokens, (mapper, big))
        self.assertIsNone(cohere_usage({"tokens": {"input_tokens": most + 1}}).input_tokens)  # type: ignore[union-attr]

    def test_large_counts_are_noted(self) -> None:
        """The record says that a count was too large, in answers and in streams."""
        body = {"type": "message", "content": [], "usage": {"input_tokens": 2**63, "output_tokens": 1}}
        answer = read_as(json.dumps(body).encode(), facts_for(b"/v1/messages", b"application/json"))
        assert answer.usage is not None
        self.assertEqual((answer.usage.input_tokens, answer.faults), (None, ("count_too_large",)))
        chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}
        events = [{**chunk, "object": "chat.completion.chunk", "usage": {"prompt_tokens": 1, "x": [10**400]}}]
        self.assertIn("count_too_large", read(sse(events), "openai_chat").faults)

    def test_anthropic_more(self) -> None:
        """What decides the price beside the counts; a split of zeros is none."""
        raw = {
            "input_tokens": 3,
            "output_tokens": 5,
            "cache_creation_input_tokens": 9,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "priority",
            "speed": "fast",
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
            "iterations": [
                {"type": "compaction", "input_tokens": 99_000, "output_tokens": 7},
                {"type": "message", "input_tokens": 3, "output_tokens": 5},
                {"type": "advisor_message", "model": "m", "input_tokens": 4, "output_tokens": 6},
            ],
        }
        expected = Usage(
            input_tokens=3,
            output_tokens=5,
            cache_creation_input_tokens=9,
            service_tier="priority",
            speed="fast",
            tool_calls={"web_search": 2},
            passes=[
                Pass(kind="compaction", input_tokens=99_000, output_tokens=7),
                Pass(kind="advisor_message", model="m", input_tokens=4, output_tokens=6),
            ],
            raw=raw,
        )
        self.assertEqual(anthropic_usage(raw), expected)

    def test_gemini_more(self) -> None:
        """Tier, traffic and grounding are kept; a search counts by its queries."""
        grounded = [{"groundingMetadata": {"webSearchQueries": ["a", "b"], "groundingChunks": [{"maps": {}}]}}]
        got = gemini_usage({"promptTokenCount": 1, "serviceTier": "flex"}, grounded)
        assert got is not None
        self.assertEqual((got.service_tier, got.tool_calls), ("flex", {"google_search": 2, "google_maps": 1}))
        got = gemini_usage({"promptTokenCount": 1, "trafficType": "PROVISIONED_THROUGHPUT"})
        assert got is not None
        self.assertEqual(got.service_tier, "PROVISIONED_THROUGHPUT")

    def test_tools_of_responses(self) -> None:
        """The items of the output tell which tools of the provider ran; pages that were opened are no searches."""
        output = [
            {"type": "web_search_call", "action": {"type": "search", "query": "a"}},
            {"type": "web_search_call", "action": {"type": "open_page"}},
            {"type": "web_search_call", "status": "failed"},
            {"type": "file_search_call"},
            {"type": "code_interpreter_call"},
            {"type": "function_call"},
        ]
        got = response_usage({"usage": {"input_tokens": 1}, "service_tier": "priority", "output": output})
        assert got is not None
        self.assertEqual(got.tool_calls, {"web_search": 1, "file_search": 1, "code_interpreter": 1})
        self.assertEqual(got.service_tier, "priority")

    def test_costs_that_are_stated(self) -> None:
        """OpenRouter, Perplexity, xAI and DeepInfra say what a call cost."""
        for more, cost in (
            ({"cost": 0.25}, 0.25),
            ({"cost": 0.25, "is_byok": True, "cost_details": {"upstream_inference_cost": 1.0}}, 1.25),
            ({"cost": 0.25, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
            ({"cost": 0.25, "is_byok": True}, None),
            ({"cost": {"total_cost": 0.5, "request_cost": 0.1}}, 0.5),
            ({"cost_in_usd_ticks": 5_000_000_000}, 0.5),
            ({"estimated_cost": "0.125"}, 0.125),
            ({"cost": -1}, None),
            ({"cost": True}, None),
        ):
            got = openai_usage({"prompt_tokens": 1, **more})
            assert got is not None
            self.assertEqual(got.stated_cost, cost, more)

    def test_headers_of_bedrock(self) -> None:
        """AWS tells counts in headers; what is no number, or too large, is none."""
        fields = {"x-amzn-bedrock-input-token-count": "16", "x-amzn-bedrock-output-token-count": "19"}
        got = header_usage(lambda name: fields.get(name, ""))
        self.assertEqual(got, Usage(input_tokens=16, output_tokens=19, raw=fields))
        self.assertIsNone(header_usage(lambda name: ""))
        for odd in ("x", "-1", "1.5", "9" * 19, "9" * 5000, "\u0663"):
            got = header_usage(lambda name, odd=odd: odd)  # type: ignore[misc]
            self.assertIsNone(got and got.input_tokens, odd)

    def test_totals_alone(self) -> None:
        """Voyage tells the total of an embedding, which has no output; of other answers it would say nothing."""
        facts = facts_for(b"/v1/embeddings", b"application/json", request_body={"model": "e", "input": "x"})
        body = {"object": "list", "data": [], "model": "voyage-3", "usage": {"total_tokens": 12}}
        answer = read_as(json.dumps(body).encode(), facts)
        self.assertEqual(answer.usage, Usage(input_tokens=12, raw={"total_tokens": 12}))

    def test_cohere(self) -> None:
        """Tokens are what went through the model; embeddings and rankings tell billed units alone."""
        units = {"input_tokens": 5, "output_tokens": 7}
        raw = {"billed_units": units, "tokens": {"input_tokens": 71, "output_tokens": 7}}
        self.assertEqual(cohere_usage(raw), Usage(input_tokens=71, output_tokens=7, raw=raw))
        self.assertEqual(cohere_usage({"billed_units": units}).input_tokens, 5)  # type: ignore[union-attr]
        ranked = cohere_usage({"api_version": {"version": "2"}, "billed_units": {"search_units": 1}})
        self.assertEqual(ranked.tool_calls, {"search_units": 1})  # type: ignore[union-attr]
        self.assertIsNone(cohere_usage({"api_version": {}}))

    def test_words_are_the_least_tokens(self) -> None:
        """A word is a token at the least, a very long one several; what stands between them may be none."""
        for text, least in (("", 0), ("...", 0), ("two words", 2), ("a" * 24, 1), ("a" * 25, 2), ("f(x, y)", 3)):
            self.assertEqual(least_tokens(text), least, text)

    def test_anything_else(self) -> None:
        """What is no object is no usage."""
        for mapper in (anthropic_usage, openai_usage, gemini_usage, ollama_usage, converse_usage, invocation_usage):
            for raw in (None, 1, "x", []):
                self.assertIsNone(mapper(raw))


class EmbeddingsTests(SynchronousTestCase):
    """Calls without an output count what they were given."""

    def test_embeddings(self) -> None:
        """OpenAI's embeddings name the prompt's tokens; an output is not known, and not 0."""
        usage = {"prompt_tokens": 8, "total_tokens": 8}
        body = {"object": "list", "data": [{"embedding": [0.5]}], "model": "text-embedding-3-small", "usage": usage}
        facts = facts_for(b"/v1/embeddings", b"application/json", request_body={"model": "e", "input": "x"})
        answer = read_as(json.dumps(body).encode(), facts)
        self.assertEqual(answer.usage, Usage(input_tokens=8, raw=usage))
        self.assertEqual((answer.response_model, answer.body), ("text-embedding-3-small", body))

    def test_a_usage_of_something_else(self) -> None:
        """A member of that name that counts no tokens is none."""
        facts = facts_for(b"/usage", b"application/json")
        for body in (b'{"usage":{"bytes":5}}', b'{"usage":5}', b"[1]"):
            self.assertIsNone(read_as(body, facts).usage)


class BrokenOffTests(SynchronousTestCase):
    """The output of a call that broke off is at least the text that came, in every API."""

    def test_text_is_the_least(self) -> None:
        """The text counts wherever it is kept; what repeats it, or cites others, does not."""
        text = "one two three"
        delta = {"delta": {"content": [{"index": 0, "type": "text", "text": {"value": text}}]}}
        run = {"type": "thread.run.created", "id": "run", "object": "thread.run", "status": "queued"}
        said = {"type": "thread.message.delta", "id": "m", "object": "thread.message.delta", **delta}
        support = {"groundingSupports": [{"segment": {"text": text}}]}
        candidate = {
            "index": 0,
            "content": {"role": "model", "parts": [{"text": text}]},
            "groundingMetadata": support,
        }
        for target, asked, body in (
            (b"/v1/threads/t/runs", {"assistant_id": "a", "stream": True}, sse([run, said])),
            (
                b"/v1beta/interactions",
                {"model": "g", "input": "x", "stream": True},
                sse([{"event_type": "interaction.created", "interaction": {"id": "i"}},
                     {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": text}}]),
            ),
            (
                b"/v1/chat",
                {"model": "c", "message": "x", "stream": True},
                sse([{"event_type": "stream-start", "generation_id": "g", "is_finished": False},
                     {"event_type": "text-generation", "text": text, "is_finished": False}]),
            ),
            (
                b"/v1beta/models/g:streamGenerateContent?alt=sse",
                {"contents": []},
                sse([{"candidates": [candidate]}]),
            ),
        ):  # fmt: skip
            usage = read_as(body, facts_for(target, b"text/event-stream", request_body=asked)).usage
            assert usage is not None, target
            self.assertEqual((usage.output_tokens, usage.output_tokens_at_least), (None, 3), target)
