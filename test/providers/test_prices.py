"""Tests for `ccsproxy.providers.prices` and its rows."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.price_rows import Price, RowRates, Tier
from ccsproxy.providers.prices import LISTED, context_window, find_price, price_list, provider_of
from ccsproxy.providers.registry import PROVIDERS

AT = "2026-11-30T12:00:00.000Z"


def rate(model: str, at: str = AT, provider: str = "") -> float | None:
    """Return a model's input rate, None when it has no price."""
    found = find_price(model, at, provider)
    return found.price.rates.input if found and found.price.rates else None


class PriceListTests(SynchronousTestCase):
    """The lists are whole: every price has a source with a date, and no two contradict."""

    def test_sources(self) -> None:
        """Each price names a source that is there, and each source is used."""
        for provider in LISTED:
            listed = price_list(provider)
            self.assertEqual({price.source for price in listed.prices}, set(listed.sources), provider)
            for source in listed.sources.values():
                self.assertTrue(source.url.startswith("https://") and source.read.startswith("20"))

    def test_providers_and_periods(self) -> None:
        """Each provider is known, and the periods of a model do not overlap, but for hours of the day."""
        for provider in LISTED:
            self.assertIn(provider, {known.provider for known in PROVIDERS})
            last: dict[str, str] = {}
            for price in price_list(provider).prices:
                for model in () if price.hours else price.models:
                    self.assertTrue(model not in last or last[model] < price.since, f"{provider} {model}")
                    last[model] = price.until or "9999"

    def test_rates_are_plausible(self) -> None:
        """Reading a cache costs no more than input, writing no less, and long prompts and their tiers likewise."""
        for provider in LISTED:
            for price in price_list(provider).prices:
                for rates in _all_rates(price):
                    self.assertLessEqual(0, rates.input)
                    self.assertLessEqual(rates.cache_read or 0, rates.input, price.models)
                    self.assertGreaterEqual(rates.cache_write or 1e9, rates.input, price.models)
                    self.assertGreaterEqual(rates.cache_write_1h or 1e9, rates.cache_write or 0, price.models)
                    self.assertGreaterEqual(rates.cache_write_12h or 1e9, rates.cache_write or 0, price.models)
                self.assertEqual([step.above for step in price.steps], sorted({step.above for step in price.steps}))

    def test_regional_hosts(self) -> None:
        """OpenAI's and xAI's regional hosts cost a tenth more with newer models; no price where that is unknown."""
        for model, provider, host, factor in (
            ("gpt-5.5", "openai", "api.openai.com", 1.0),
            ("gpt-5.5", "openai", "eu.api.openai.com", 1.1),
            ("gpt-6.2-sol", "openai", "us.api.openai.com", 1.1),
            ("gpt-4o", "openai", "eu.api.openai.com", 1.0),
            ("gpt-5.5", "openai", "jp.api.openai.com", None),
            ("grok-4.6", "xai", "us-east-1.api.x.ai", 1.1),
            ("grok-4.6", "xai", "eu-west-1.api.x.ai", None),
        ):
            plain, found = (find_price(model, AT, provider, url=url) for url in ("", f"https://{host}/v1"))
            assert plain is not None and plain.price.rates is not None
            regional = found.price.rates.input if found and found.price.rates else None
            self.assertEqual(
                regional, None if factor is None else plain.price.rates.input * factor, f"{model} {host}"
            )

    def test_fine_tuned_models(self) -> None:
        """OpenAI names them after their model, the organisation and an id."""
        self.assertEqual(rate("ft:gpt-4.1-2025-04-14:acme::B1x", provider="openai"), 3.0)
        self.assertEqual(rate("ft:gpt-4.1-mini-2025-04-14:acme:bot:B1x", provider="openai"), 0.8)
        self.assertIsNone(rate("ft:gpt-9:acme::B1x", provider="openai"))

    def test_models_of_today(self) -> None:
        """Every provider's current models have a price on the day of the lists."""
        for provider, models in {
            "anthropic": "claude-fable-5-2 claude-opus-5-5 claude-sonnet-5-5 claude-haiku-5-5 claude-opus-4-8",
            "openai": (
                "gpt-4o gpt-4o-mini gpt-4.1 o3 o4-mini gpt-5 gpt-5-mini gpt-5-nano gpt-5-codex gpt-5.1-codex-max "
                "gpt-5.2-codex gpt-5.3-codex gpt-5.4 gpt-5.5 gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-6-astra "
                "gpt-6-sol gpt-6-luna gpt-6.1-sol gpt-6.1-terra gpt-6.2-sol gpt-6.2-astra"
            ),
            "google": (
                "gemini-2.0-flash gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-3-pro-preview "
                "gemini-3-flash-preview gemini-3.1-pro-preview gemini-3.5-flash gemini-3.8-flash gemini-4-argon "
                "gemini-4-neon gemini-4-hydrogen"
            ),
            "xai": "grok-4 grok-4.20 grok-4.7 grok-code-fast-1",
            "deepseek": "deepseek-flash deepseek-v4-flash deepseek-v4-pro",
            "mistral": "mistral-large-latest mistral-medium-latest codestral-latest devstral-2512",
            "cohere": "command-a-03-2025 command-r7b-12-2024",
            "groq": "openai/gpt-oss-120b llama-3.3-70b-versatile",
            "moonshot": "kimi-k2.6 kimi-k3 kimi-k3.1-pro",
            "zai": "glm-4.6 glm-5.3 GLM-5.3",
            "qwen": "qwen3-coder-plus qwen3.8-max qwen-plus",
        }.items():
            for model in models.split():
                self.assertIsNotNone(rate(model, AT, provider), f"{provider} {model}")


def _all_rates(price: Price) -> list[RowRates]:
    tables = [price.rates, *(step.rates for step in price.steps)]
    for tier in price.tiers.values():
        if isinstance(tier, Tier):
            tables += [tier.rates, *(step.rates for step in tier.steps)]
    return [rates for rates in tables if rates is not None]


class FindPriceTests(SynchronousTestCase):
    """A model has its own price or none."""

    def test_snapshots(self) -> None:
        """Dated names and ``-latest`` are the same model."""
        for suffix in ("", "-20251001", "@20251001", "-latest"):
            self.assertEqual(rate(f"claude-haiku-4-5{suffix}"), 1.0)
        self.assertIsNotNone(rate("gpt-5-2025-08-07"))
        self.assertIsNotNone(rate("models/gemini-2.5-pro"))
        self.assertIsNotNone(rate("gemini-2.0-flash-001"))

    def test_longest_name(self) -> None:
        """A longer name is another model."""
        for name, expected in [
            ("claude-opus-5", 5.0),
            ("claude-opus-5-5", 4.0),
            ("claude-opus-4-20250514", 15.0),
            ("claude-opus-4-8", 5.0),
            ("gpt-5-mini", 0.25),
        ]:
            self.assertEqual(rate(name), expected)

    def test_unknown(self) -> None:
        """Relatives of a known model are unknown."""
        for name in (
            "claude-opus-5-9",
            "claude-opus-50",
            "gpt-5x",
            "anthropic.claude-opus-5",
            "",
            "claude",
            "x" * 300,
        ):
            self.assertIsNone(rate(name))

    def test_periods(self) -> None:
        """A price holds from its first day to its last."""
        self.assertEqual(rate("gpt-5.6-sol", "2026-08-20T23:59:59.999Z"), 5.0)
        self.assertEqual(rate("gpt-5.6-sol", "2026-08-21T00:00:00.000Z"), 4.0)
        self.assertEqual(rate("gemini-4-argon", "2026-11-30T23:59:59Z"), 2.0)
        self.assertEqual(rate("gemini-4-argon", "2026-12-01T00:00:00Z"), 4.0)
        self.assertIsNone(rate("gpt-6.2-sol", "2026-11-16T12:00:00Z"))

    def test_hours(self) -> None:
        """What is sold by the time of day costs more at the peak of a workday only."""
        for at, expected in [
            ("2026-11-30T03:59:00Z", 1.32),  # a Monday
            ("2026-11-30T04:00:00Z", 0.66),
            ("2026-11-30T06:00:00Z", 1.32),
            ("2026-11-29T06:00:00Z", 0.66),  # a Sunday
        ]:
            self.assertEqual(rate("deepseek-v4-pro", at, "deepseek"), expected)

    def test_sellers(self) -> None:
        """The maker's price is no one else's; where the seller is not known it is the maker's."""
        self.assertIsNone(rate("claude-opus-5-5", AT, "bedrock"))
        self.assertIsNone(rate("claude-opus-5-5", AT, "copilot"))
        self.assertEqual(rate("deepseek-v4-flash", AT, "qwen"), 0.2)
        self.assertEqual(rate("deepseek-v4-flash", AT), 0.15)
        self.assertIsNone(rate("llama-3.3-70b-versatile"))

    def test_own_rows_first(self) -> None:
        """The user's own rows go before the lists, for the upstream that they name."""
        own = (
            Price(models=("claude-*",), rates=RowRates(input=9, output=9), upstream="work"),
            Price(models=("claude-opus-5-5",), rates=RowRates(input=8, output=8), since="2026-12-01"),
        )
        for at, upstream, expected in [(AT, "work", 9), (AT, "home", 4), ("2026-12-02T00:00:00Z", "work", 8)]:
            found = find_price("claude-opus-5-5", at, "anthropic", upstream, own)
            assert found is not None and found.price.rates is not None
            self.assertEqual(found.price.rates.input, expected)

    def test_context(self) -> None:
        """The context window is told, the user's own word first."""
        self.assertEqual(context_window("claude-opus-5-5", "anthropic"), 1_000_000)
        self.assertEqual(
            context_window("claude-opus-5-5", own=(Price(models=("claude*",), context=200_000),)), 200_000
        )
        self.assertIsNone(context_window("never-heard-of"))


class ProviderOfTests(SynchronousTestCase):
    """Who sells is told by the address, by the name only where there is none."""

    def test_address_counts(self) -> None:
        """An upstream may be called anything."""
        for upstream, url, provider in [
            ("work", "https://api.anthropic.com", "anthropic"),
            ("anthropic", "https://bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
            ("anthropic", "http://127.0.0.1:9999", ""),
            ("x", "https://chatgpt.com/backend-api/codex", "openai"),
            ("x", "http://[::1]:11434", "ollama"),
            ("chatgpt", "", "openai"),
            ("work", "", ""),
        ]:
            self.assertEqual(provider_of(upstream, url), provider, f"{upstream} {url}")
