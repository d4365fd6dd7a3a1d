"""Other people's price lists, compared with ours."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.other_lists import PriceDifference, compare, read_list
from ccsproxy.providers.price_rows import RowRates

LISTED = frozenset(["anthropic", "moonshot", "google"])
MODELS_DEV = {
    "moonshotai": {
        "id": "moonshotai",
        "models": {
            "kimi-k3": {"cost": {"input": 0.6, "output": 2.5, "cache_read": 0.15}},
            "kimi-free": {"cost": {"input": 0, "output": 0}},
            "kimi-new": {"cost": {"input": 1, "output": 4}},
            "kimi-silent": {},
        },
    },
    "somebody": {"models": {"kimi-k3": {"cost": {"input": 9, "output": 9}}}},
    "nothing": None,
}
LITELLM = {
    "sample_spec": {"litellm_provider": "one of them", "input_cost_per_token": 0.0},
    "gemini/gemini-4": {
        "litellm_provider": "gemini",
        "input_cost_per_token": 2e-06,
        "output_cost_per_token": 1.2e-05,
        "cache_creation_input_token_cost": 0,
    },
    "claude-x": {
        "litellm_provider": "anthropic",
        "input_cost_per_token": 5e-06,
        "output_cost_per_token": 2.5e-05,
        "cache_creation_input_token_cost_above_1hr": 1e-05,
    },
    "odd": {"litellm_provider": "anthropic", "input_cost_per_token": "much"},
}
OURS = {
    ("kimi-k3", "moonshot"): RowRates(input=0.6, output=2.5, cache_read=0.1),
    ("gemini-4", "google"): RowRates(input=2, output=12.0),
    ("claude-x", "anthropic"): RowRates(input=5, output=25, cache_write_1h=None),
}


def differences(document: object) -> list[PriceDifference]:
    """Compare a list with ours."""
    return list(compare(read_list(document, LISTED), lambda model, provider: OURS.get((model, provider))))


class OtherListTests(SynchronousTestCase):
    """What differs is named, what is the same is not."""

    def test_models_dev(self) -> None:
        """A catalogue by provider; who is not ours and what is free says nothing."""
        self.assertEqual(
            differences(MODELS_DEV),
            [
                PriceDifference("moonshot", "kimi-k3", "cache_read", 0.1, 0.15),
                PriceDifference("moonshot", "kimi-new"),
            ],
        )

    def test_litellm(self) -> None:
        """A map by model, in dollars a token; its prefix is no part of the name, a rate of nothing is none."""
        self.assertEqual(
            differences(LITELLM), [PriceDifference("anthropic", "claude-x", "cache_write_1h", None, 10.0)]
        )

    def test_something_else(self) -> None:
        """What is no price list is refused."""
        for document in ([], {}, {"a": 1}, {"a": {"models": []}}):
            with self.assertRaises(ValueError):
                differences(document)
