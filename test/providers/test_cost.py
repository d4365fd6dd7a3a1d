"""Tests for `ccsproxy.providers.cost` and `ccsproxy.providers.billed`."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.usage import Pass, Usage
from ccsproxy.providers.cost import Cost, cost_of

AT = "2026-11-30T12:00:00.000Z"
MILLION = 1_000_000


def priced(model: str, provider: str = "", **usage: Any) -> Cost:
    """Return what a call costs that used this and, where nothing is said, no tokens."""
    counts = {"input_tokens": 0, "output_tokens": 0} | usage
    return cost_of(model, Usage(**counts), AT, provider)


class CostTests(SynchronousTestCase):
    """The sum of the parts, or nothing where one part is unknown."""

    def test_parts(self) -> None:
        """Each kind of token has its rate."""
        cost = priced(
            "claude-opus-5-5",
            input_tokens=1000,
            output_tokens=100,
            cache_read_input_tokens=10_000,
            cache_creation_input_tokens=3000,
            cache_creation_5m=1000,
            cache_creation_1h=2000,
        )
        kinds = {part.kind: part.dollars for part in cost.parts}
        self.assertEqual(
            kinds,
            {"input": 0.004, "output": 0.002, "cache_read": 0.002, "cache_write": 0.005, "cache_write_1h": 0.016},
        )
        self.assertAlmostEqual(cost.dollars or 0, 0.029)

    def test_nothing_known(self) -> None:
        """Without tokens, model or price there is no cost, and the gap says which it is."""
        self.assertEqual(cost_of("claude-opus-5-5", None, AT).gap, "usage")
        self.assertEqual(cost_of("claude-opus-5-5", Usage(output_tokens=1), AT).gap, "usage")
        self.assertEqual(cost_of(None, Usage(input_tokens=1, output_tokens=1), AT).gap, "model")
        self.assertEqual(priced("no-such-model", input_tokens=1).gap, "price")

    def test_unsplit_writes(self) -> None:
        """Writes whose lifetime is not told have no price where that matters, also where the whole split is 0."""
        for split in ({}, {"cache_creation_5m": 0, "cache_creation_1h": 0}):
            cost = priced("claude-opus-5-5", cache_creation_input_tokens=100, **split)
            self.assertEqual((cost.dollars, cost.gap), (None, "rate"))
        half = priced("claude-opus-5-5", cache_creation_input_tokens=100, cache_creation_5m=40)
        self.assertAlmostEqual(half.dollars or 0, (40 * 5 + 60 * 8) / MILLION)

    def test_openai_writes(self) -> None:
        """OpenAI's writes of 30 minutes have one rate, those of twelve hours another."""
        short = priced("gpt-6.2-sol", input_tokens=0, cache_creation_input_tokens=1000)
        self.assertAlmostEqual(short.dollars or 0, 0.0025)
        raw = {"input_tokens_details": {"cache_write_tokens_details": {"ttl_30m_tokens": 400, "ttl_12h_tokens": 600}}}
        both = priced("gpt-6.2-sol", cache_creation_input_tokens=1000, raw=raw)
        self.assertAlmostEqual(both.dollars or 0, (400 * 2.5 + 600 * 5) / MILLION)

    def test_long_prompts(self) -> None:
        """A prompt above the limit is billed at the higher rates as a whole, cached tokens counting in."""
        below = priced("gpt-5.5", input_tokens=72_000, cache_read_input_tokens=200_000, output_tokens=1000)
        above = priced("gpt-5.5", input_tokens=72_001, cache_read_input_tokens=200_000, output_tokens=1000)
        self.assertEqual((below.above, above.above), (None, 272_000))
        self.assertAlmostEqual(below.dollars or 0, (72_000 * 5 + 200_000 * 0.5 + 1000 * 30) / MILLION)
        self.assertAlmostEqual(above.dollars or 0, (72_001 * 10 + 200_000 * 1 + 1000 * 45) / MILLION)

    def test_tiers(self) -> None:
        """A tier has its own rates, and one that the list does not know has none."""
        for tier, factor in [("default", 1.0), ("priority", 2.0), ("flex", 0.5), ("batch", 0.5), (None, 1.0)]:
            cost = priced("gpt-5", input_tokens=100_000, output_tokens=1000, service_tier=tier)
            self.assertAlmostEqual(cost.dollars or 0, 0.135 * factor)
        self.assertEqual(priced("gpt-5", input_tokens=1, service_tier="scale").gap, "tier")
        self.assertEqual(priced("claude-opus-5-5", input_tokens=1, service_tier="priority").gap, "tier")

    def test_words_for_tiers(self) -> None:
        """Providers write their tiers in several ways and places."""
        for raw in (
            {"serviceTier": "FLEX"},
            {"trafficType": "ON_DEMAND_FLEX"},
            {"service_tier": "SERVICE_TIER_FLEX"},
        ):
            self.assertEqual(priced("gemini-2.5-pro", input_tokens=1, raw=raw).tier, "flex")
        for raw in ({"trafficType": "ON_DEMAND"}, {"serviceTier": "standard"}, {"inference_geo": "not_available"}):
            self.assertEqual(priced("gemini-2.5-pro", input_tokens=1, raw=raw).tier, "standard")

    def test_fast_and_regions(self) -> None:
        """Fast mode and a region cost more."""
        fast = priced("claude-opus-5-5", input_tokens=MILLION, speed="fast")
        self.assertAlmostEqual(fast.dollars or 0, 8.0)
        home = priced("claude-opus-5-5", input_tokens=MILLION, raw={"inference_geo": "us"})
        self.assertAlmostEqual(home.dollars or 0, 4.4)
        self.assertEqual(priced("claude-opus-4-5", input_tokens=1, raw={"inference_geo": "us"}).gap, "tier")

    def test_fees(self) -> None:
        """Searches are billed by the piece; what is free of charge adds nothing, what is unknown leaves no cost."""
        cost = priced("claude-opus-5-5", raw={"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2}})
        self.assertAlmostEqual(cost.dollars or 0, 0.03)
        self.assertAlmostEqual(priced("gpt-5", tool_calls={"web_search": 2, "file_search": 2}).dollars or 0, 0.025)
        self.assertAlmostEqual(priced("gemini-3.8-flash", tool_calls={"google_search": 1}).dollars or 0, 0.014)
        self.assertEqual(priced("gpt-5", tool_calls={"weather": 1}).gap, "fee")

    def test_stated_cost(self) -> None:
        """What the provider says itself counts, whatever the model."""
        self.assertEqual(priced("some/model", "openrouter", input_tokens=5, stated_cost=0.0123).dollars, 0.0123)

    def test_audio(self) -> None:
        """Audio has its own rate, also the part of it that the cache gave; without a rate there is no cost."""
        raw = {
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 60}, {"modality": "AUDIO", "tokenCount": 50}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
        }
        cost = priced("gemini-2.5-flash", input_tokens=100, cache_read_input_tokens=10, raw=raw)
        counts = {part.kind: part.count for part in cost.parts}
        self.assertEqual(counts, {"input": 60, "audio_input": 40, "audio_cache_read": 10})
        spoken = {"prompt_tokens_details": {"audio_tokens": 5}}
        self.assertEqual(priced("gpt-5", input_tokens=10, raw=spoken).gap, "rate")

    def test_other_passes(self) -> None:
        """An answer that compacted, or asked an advisor, used tokens that are in no count."""
        raw = {"iterations": [{"type": "message"}, {"type": "compaction", "input_tokens": 99_000}]}
        cost = priced("claude-opus-5-5", input_tokens=10, raw=raw)
        self.assertEqual((cost.dollars, cost.gap), (None, "passes"))
        self.assertIsNotNone(priced("claude-opus-5-5", raw={"iterations": [{"type": "message"}]}).dollars)

    def test_odd_usages(self) -> None:
        """Members of the wrong type are as if they were not there."""
        for raw in ({"server_tool_use": 5, "iterations": {}, "promptTokensDetails": [1, {}]}, [], "x", {"speed": 7}):
            self.assertEqual(priced("claude-opus-5-5", input_tokens=MILLION, raw=raw).dollars, 4.0)

    def test_passes(self) -> None:
        """Passes whose tokens are told are priced by their own model's rates."""
        ran = Pass(kind="compaction", input_tokens=1000, output_tokens=100)
        other = Pass(kind="advisor_message", model="claude-opus-5-5", input_tokens=1000, output_tokens=0)
        cost = priced("claude-haiku-4-5", input_tokens=1000, passes=[ran, other])
        self.assertAlmostEqual(cost.dollars or 0, (1000 + 1000 + 100 * 5 + 1000 * 4) / MILLION)
        unknown = Pass(kind="advisor_message", model="no-such-model", input_tokens=1, output_tokens=1)
        self.assertEqual(priced("claude-haiku-4-5", passes=[unknown]).gap, "passes")

    def test_broken_off(self) -> None:
        """A call that broke off costs at least what is known of it."""
        known = {"input_tokens": 1000, "output_tokens": None}
        cost = priced("claude-opus-5-5", **known, output_tokens_at_least=100)
        self.assertEqual((cost.dollars, cost.gap), (None, "output"))
        self.assertAlmostEqual(cost.at_least or 0, (1000 * 4 + 100 * 20) / MILLION)
        self.assertAlmostEqual(priced("claude-opus-5-5", **known).at_least or 0, 0.004)

    def test_models_without_output(self) -> None:
        """An embedding has no output, and needs no count of it."""
        cost = priced("text-embedding-3-small", input_tokens=MILLION, output_tokens=None)
        self.assertEqual((cost.dollars, cost.gap), (0.02, ""))

    def test_grounded_prompts(self) -> None:
        """Gemini 2.5 bills a grounded prompt once, later ones each query."""
        asked = {"google_search": 3}
        self.assertAlmostEqual(priced("gemini-2.5-flash", tool_calls=asked).dollars or 0, 0.035)
        self.assertAlmostEqual(priced("gemini-3.8-flash", tool_calls=asked).dollars or 0, 0.042)
