"""What a call cost, and what each kind of its tokens cost."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage
from ccsproxy.insight.facts import Rates, Tokens
from ccsproxy.providers.prices import Price, cost, price_of
from ccsproxy.providers.registry import PROVIDERS

_SELLERS = {provider.name: provider.provider for provider in PROVIDERS}


def usage_of(record: Mapping[str, Any]) -> Usage | None:
    """Return what a record says of the tokens; None where that cannot be read."""
    try:
        return None if record.get("usage") is None else msgspec.convert(record["usage"], Usage)
    except msgspec.ValidationError:
        return None


def tokens_of(usage: Usage | None) -> Tokens:
    """Return the counts alone."""
    if usage is None:
        return Tokens()
    return Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.cache_creation_5m,
        usage.cache_creation_1h,
        usage.reasoning_tokens,
    )


def priced(model: str | None, usage: Usage | None, at: str, upstream: str) -> tuple[float | None, Rates | None]:
    """Return what a call cost by list price, and the rates of its day; None where they are not known.

    :param at: when, RFC 3339.
    :param upstream: its NAME; one that is no provider's is taken to sell at the makers' prices.
    """
    if model is None or usage is None:
        return None, None
    seller = _SELLERS.get(upstream, "")
    price = price_of(model, at, seller)
    return cost(model, usage, at, seller), None if price is None else _rates(price, usage)


def _rates(price: Price, usage: Usage) -> Rates | None:
    prompt = tokens_of(usage).prompt or 0
    rates = price.rates if price.up_to is None or prompt <= price.up_to else price.beyond
    if rates is None:
        return None
    return Rates(rates.input, rates.output, rates.cache_read, rates.cache_write_5m, rates.cache_write_1h)
