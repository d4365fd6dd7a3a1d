"""The cost of a call, and the rate of each kind of its tokens."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage
from ccsproxy.insight.facts import Rates, Tokens
from ccsproxy.providers.cost import Cost

#: Computes what a call costs from model, usage, time of the start, the upstream's name and its address.
Price = Callable[[str | None, Usage | None, str, str, str], Cost]


def usage_of(record: Mapping[str, Any]) -> Usage | None:
    """Return the usage in a record; None if it cannot be parsed."""
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


def priced(price: Price, record: Mapping[str, Any], usage: Usage | None) -> tuple[Cost, Rates | None]:
    """Return the cost of a call and the rates that apply; None if they are unknown."""
    model = record.get("response_model") or record.get("model")
    at, upstream = str(record.get("started_at") or ""), str(record.get("upstream") or "")
    found = price(model, usage, at, upstream, str(record.get("upstream_url") or ""))
    rates = found.rates
    if rates is None:
        return found, None
    hour = rates.cache_write_1h if rates.cache_write_1h is not None else rates.cache_write_12h
    return found, Rates(rates.input, rates.output, rates.cache_read, rates.cache_write, hour)
