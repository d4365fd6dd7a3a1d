"""What a call costs by the makers' list prices (``prices.json``); unknown is None, never a guess.

A price is for one model, from one day on. Other names of the model are only its dated snapshots: ``claude-opus-5``
says nothing about ``claude-opus-5-5``. What list prices do not cover, such as batches and fast modes, has no cost.
"""

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.registry import PROVIDERS

_MILLION = 1_000_000
#: What may follow a model's name without making it another model.
_SNAPSHOT = re.compile(r"(?:-latest|[-@]20\d{6}|-20\d\d-\d\d-\d\d)?\Z")
#: Longer names are in no price list.
_LONGEST = 200
_STANDARD = frozenset({None, "", "standard", "default", "not_available", "global", "on_demand", "ON_DEMAND"})


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens; None where no list price is known."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of one model in one period.

    :ivar since: first day, ``YYYY-MM-DD``; empty for ever since.
    :ivar until: last day; empty while it lasts.
    :ivar up_to: input tokens of a request up to which ``rates`` hold.
    :ivar beyond: the rates of a whole request with more; None where they are not known.
    :ivar source: key of the page that says so.
    """

    provider: str
    models: tuple[str, ...]
    rates: Rates
    source: str
    since: str = ""
    until: str = ""
    up_to: int | None = None
    beyond: Rates | None = None


class PriceSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where prices were read.

    :ivar url: the page.
    :ivar dated: the day or month that the page, or the copy of it that was read, bears; empty when it bears none.
    :ivar read: the day on which it was read for this list.
    :ivar note: whose words they are, where it is not the maker's own page.
    """

    url: str
    read: str
    dated: str = ""
    note: str = ""


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of ``prices.json``."""

    currency: str
    sources: dict[str, PriceSource]
    prices: list[Price]


@cache
def price_list() -> PriceList:
    """Return the price list that comes with this version."""
    return msgspec.json.decode(files(__package__).joinpath("prices.json").read_bytes(), type=PriceList)


def price_of(model: str, at: str, provider: str = "") -> Price | None:
    """Return the price of a model at a time; None when it is not known.

    :param model: as the API names it; the longest matching name of the list counts.
    :param at: RFC 3339 time or a date, UTC.
    :param provider: who sold it; the makers' prices are no one else's. Empty when unknown.
    """
    return None if len(model) > _LONGEST else _price_of(model.removeprefix("models/"), at[:10], provider)


@lru_cache(maxsize=256)
def _price_of(model: str, day: str, provider: str) -> Price | None:
    best, found = "", None
    for price in price_list().prices:
        for name in price.models:
            if len(name) >= len(best) and model.startswith(name) and _SNAPSHOT.match(model, len(name)):
                if name != best:
                    best, found = name, None
                if _applies(price, day, provider):
                    found = price
    return found


def _applies(price: Price, day: str, provider: str) -> bool:
    if provider and provider != price.provider:
        return False
    return price.since <= day and (not price.until or day <= price.until)


def cost(model: str | None, usage: Usage | None, at: str, provider: str = "") -> float | None:
    """Return what a call cost in US dollars by list price; None when any part of that is unknown.

    :param model: the model that answered.
    :param usage: what it used.
    :param at: when, RFC 3339.
    :param provider: who sold it, empty when unknown.
    """
    if model is None or usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    price = price_of(model, at, provider)
    if price is None or _is_special(usage.raw):
        return None
    rates = price.rates if price.up_to is None or _context(usage) <= price.up_to else price.beyond
    return None if rates is None else _sum(rates, usage)


def _sum(rates: Rates, usage: Usage) -> float | None:
    writes = usage.cache_creation_input_tokens or 0
    hour = usage.cache_creation_1h
    if writes and hour is None:
        hour = writes - usage.cache_creation_5m if usage.cache_creation_5m is not None else None
        if hour is None and rates.cache_write_5m != rates.cache_write_1h:
            return None
    hour = hour or 0
    total = 0.0
    for count, rate in (
        (usage.input_tokens, rates.input),
        (usage.output_tokens, rates.output),
        (usage.cache_read_input_tokens, rates.cache_read),
        (writes - hour, rates.cache_write_5m),
        (hour, rates.cache_write_1h),
    ):
        if count and rate is None:
            return None
        total += (count or 0) * (rate or 0.0)
    return total / _MILLION


def _context(usage: Usage) -> int:
    return sum(
        count or 0 for count in (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens)
    )


def _is_special(raw: Any) -> bool:
    """Whether the provider's own usage tells of something that list prices per token do not cover."""
    if not isinstance(raw, dict):
        return False
    if any(raw.get(key) not in _STANDARD for key in ("service_tier", "speed", "inference_geo", "trafficType")):
        return True
    tools = raw.get("server_tool_use")
    if isinstance(tools, dict) and tools.get("web_search_requests"):
        return True
    details = [item for key in ("promptTokensDetails", "candidatesTokensDetails") for item in raw.get(key) or ()]
    if any(isinstance(item, dict) and item.get("modality") == "AUDIO" for item in details):
        return True
    iterations = raw.get("iterations")
    return isinstance(iterations, list) and any(not _is_message(item) for item in iterations)


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "message"


def list_price(model: str | None, usage: Usage, at: str, upstream: str) -> float | None:
    """Return what a call cost in US dollars by list price, null when that is not known.

    An upstream with a name that is no provider's is taken to sell at the makers' prices.

    :param model: the model that answered.
    :param at: when, RFC 3339.
    :param upstream: the upstream's NAME.
    """
    return cost(model, usage, at, _PROVIDERS.get(upstream, ""))


_PROVIDERS = {provider.name: provider.provider for provider in PROVIDERS}
