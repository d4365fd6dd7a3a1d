"""Records that nobody would write: whatever they hold, facts are made of them and answers come."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.conversation.conversation import conversation
from ccsproxy.insight.cost.context import context
from ccsproxy.insight.findings import findings
from ccsproxy.insight.leaks import leaks
from ccsproxy.insight.limits.forecast import limits_now
from ccsproxy.insight.limits.readings import readings
from ccsproxy.insight.prompt.comparison import compare, exact_difference
from ccsproxy.insight.prompt.prompts import listing, versions
from ccsproxy.insight.session import Session
from test.effort import effort

NAMES = """role content type text tools system messages input instructions contents parts cache_control ttl name id
tool_use_id tool_use tool_result image source data media_type function arguments toolConfig cachePoint thinking
output_config format schema properties title model speed tool_choice text.format prompt_cache_options user assistant
call_id function_call function_call_output output choices message candidates functionCall functionResponse usage
previous_response_id thread anthropic_version reasoning effort diagnostics inlineData base64 ephemeral 1h""".split()
leaf = st.none() | st.booleans() | st.integers(-9, 10**6) | st.sampled_from(NAMES) | st.text(max_size=12)
value = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
dialect = st.sampled_from(
    ["anthropic", "openai_responses", "openai_chat", "gemini", "bedrock", "ollama", "cohere", None]
)
count = st.none() | st.integers(0, 10**6)


@st.composite
def records(draw: Any) -> dict[str, Any]:
    """Make a record of odd bodies, headers and counts."""
    usage = draw(
        st.none()
        | st.fixed_dictionaries(
            dict.fromkeys(
                (
                    "input_tokens",
                    "output_tokens",
                    "cache_read_input_tokens",
                    "cache_creation_input_tokens",
                    "reasoning_tokens",
                ),
                count,
            )
        )
    )
    headers = draw(st.dictionaries(st.sampled_from([
        "anthropic-ratelimit-unified-5h-utilization", "x-codex-primary-used-percent", "retry-after",
        "x-codex-primary-window-minutes", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
        "x-claude-code-prev-tool-durations", "x-codex-turn-metadata"]), st.text(max_size=9), max_size=4))  # fmt: skip
    return {
        "session_id": "s", "seq": 0, "started_at": draw(st.sampled_from(["2026-11-30T10:00:00.000Z", "", "x"])),
        "duration_ms": draw(st.none() | st.floats(0, 1e6)), "ttft_ms": draw(st.none() | st.floats(0, 1e6)),
        "upstream": "anthropic", "dialect": draw(dialect),
        "category": draw(st.sampled_from(["model", "other", None])),
        "outcome": draw(st.sampled_from(["complete", "http_error", "client_disconnected", None])),
        "model": draw(st.none() | st.just("claude-opus-5-5") | st.text(max_size=5)), "usage": usage,
        "client": draw(st.none() | st.fixed_dictionaries({"name": leaf, "agent": st.none() | st.sampled_from("abc"),
                                                          "parent_agent": st.none() | st.sampled_from("abc")})),
        "timing": draw(st.none() | st.just({"headers": 5.0})), "error": draw(st.none() | st.just({"kind": "x"})),
        "request": draw(st.none() | st.fixed_dictionaries({"headers": st.just(headers), "body": value})),
        "response": draw(st.none() | st.fixed_dictionaries({
            "status": st.sampled_from([200, 529, None]), "headers": st.just(headers), "body_reassembled": value,
            "stream": st.just({"chunks": [[1, 2], [9000, 1]]})})),
        "capture": draw(st.none() | st.just({"outbound_secrets": [{"kind": "k", "where": "w", "count": 1}]})),
    }  # fmt: skip


class OddRecordTests(SynchronousTestCase):
    """Nothing raises, and nothing that JSON cannot say comes out."""

    @settings(max_examples=effort(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(records(), min_size=1, max_size=5))
    def test_everything_is_answered(self, made: list[dict[str, Any]]) -> None:
        collector = Collector()
        calls = [collector.collect({**record, "seq": seq}) for seq, record in enumerate(made, 1)]
        session = Session(calls)
        answers: list[Any] = [conversation(session), findings(session), leaks(calls), listing(versions(calls))]
        answers += [limits_now(readings(calls), 10**12), session.verdicts]
        answers += [context(session.sizes[call.seq], session.sent, session.thoughts) for call in calls if call.items]
        answers += [compare(made[0], made[-1]), exact_difference(made[0], made[-1])]
        self.assertTrue(msgspec.json.encode(answers))
        self.assertEqual(
            [msgspec.msgpack.decode(msgspec.msgpack.encode(call), type=type(call)) for call in calls], calls
        )

    def test_deep_nesting(self) -> None:
        """A body that is nested deeper than anything reads leaves a call without its prompt."""
        deep: Any = "x"
        for _ in range(3000):
            deep = {"content": [deep]}
        body = {"messages": [{"role": "user", "content": [deep]}]}
        record = {"session_id": "s", "seq": 1, "category": "model", "dialect": "anthropic", "request": {"body": body}}
        call = Collector().collect(record)
        self.assertEqual((call.seq, call.role), (1, "main"))
