"""Tests for `ccsproxy.providers.resellers`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import cost_of
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.providers.prices import context_window
from ccsproxy.providers.resellers import Resale, priced_model, resale

_AT = "2026-11-30T12:00:00Z"
_GLOBAL, _REGION = "https://aiplatform.googleapis.com", "https://us-east5-aiplatform.googleapis.com"
_BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com"


class ResaleTests(SynchronousTestCase):
    """What a reseller's names mean."""

    def test_names(self) -> None:
        """Amazon's with area and version, Google's with a date; anything else follows from no list."""
        sonnet = "claude-sonnet-4-5-20250929"
        for model, provider, url, meant in [
            (f"us.anthropic.{sonnet}-v1:0", "bedrock", "", Resale(sonnet, "anthropic", 1.1)),
            (f"anthropic.{sonnet}-v1:0", "bedrock", "", Resale(sonnet, "anthropic", 1.1)),
            (f"global.anthropic.{sonnet}-v1:0", "bedrock", "", Resale(sonnet, "anthropic", 1.0)),
            ("eu.anthropic.claude-sonnet-4-20250514-v1:0", "bedrock", "",
             Resale("claude-sonnet-4-20250514", "anthropic", 1.0)),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", "bedrock", "",
             Resale("claude-3-5-sonnet-20241022", "anthropic", 1.0)),
            ("us.anthropic.claude-opus-5-5", "bedrock", "", Resale("claude-opus-5-5", "anthropic", 1.1)),
            ("claude-sonnet-4-5@20250929", "vertex", _GLOBAL, Resale(sonnet, "anthropic", 1.0)),
            ("claude-sonnet-4-5@20250929", "vertex", _REGION, Resale(sonnet, "anthropic", 1.1)),
            ("claude-opus-4-1@default", "vertex", _REGION, Resale("claude-opus-4-1", "anthropic", 1.0)),
            (sonnet, "bedrock", "", None),
            ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock", "", None),
            ("meta.llama3-70b-instruct-v1:0", "bedrock", "", None),
            ("gemini-3-pro", "vertex", _GLOBAL, None),
            ("anthropic/claude-opus-5", "openrouter", "", None),
            ("gpt-4o", "azure", "", None),
        ]:  # fmt: skip
            self.assertEqual(resale(model, provider, url), meant, model)

    def test_costs(self) -> None:
        """A tenth more in an area; the same anywhere; unknown where the area is not known."""
        usage = Usage(input_tokens=100_000, output_tokens=0)
        book = PriceBook()
        for model, url, cost in [
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", _BEDROCK, 0.33),
            ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", _BEDROCK, 0.3),
            ("claude-sonnet-4-5-20250929", _BEDROCK, None),
            ("claude-sonnet-4-5@20250929", _GLOBAL, 0.3),
            ("gemini-3-pro", "https://generativelanguage.googleapis.com", 0.2),
        ]:
            found = book.cost(model, usage, _AT, "x", url).dollars
            self.assertEqual(None if found is None else round(found, 9), cost, model)

    def test_why_there_is_none(self) -> None:
        """A price that is unknown says why, as far as its seller is known."""
        usage = Usage(input_tokens=1, output_tokens=1)
        for provider, said in (
            ("azure", "deployment"),
            ("copilot", "premium requests"),
            ("openrouter", "reports the cost"),
        ):
            found = cost_of("gpt-5", usage, "2026-11-30", provider)
            self.assertEqual((found.dollars, found.gap), (None, "price"))
            self.assertIn(said, found.reason)
        self.assertEqual(cost_of("m", usage, "2026-11-30", "groq").reason, "no price of m is known at groq")

    def test_context_windows(self) -> None:
        """A reseller's model has its maker's window."""
        model = "us.anthropic.claude-opus-5-5"
        self.assertEqual(context_window(model, "bedrock"), context_window("claude-opus-5-5", "anthropic"))

    def test_which_name_counts(self) -> None:
        """The one that answered, under the name it was asked for where that says more."""
        asked, answered = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"
        self.assertEqual(priced_model(asked, answered), asked)
        self.assertEqual(priced_model("gpt-5", "gpt-5-2025-08-07"), "gpt-5-2025-08-07")
        self.assertEqual(priced_model(asked, None), asked)
        self.assertEqual(priced_model(None, answered), answered)
        self.assertIsNone(priced_model(None, None))
