"""Which price applies to a call: the user's own rows first, then the built-in ones; None if unknown, never a guess.

A price is for one model, from one day on. Only dated snapshots count as other names of the model: the price of
``claude-opus-5`` does not apply to ``claude-opus-5-5``.
"""

import re
from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

import attr
import msgspec

from ccsproxy.providers.price_rows import Price, PriceList, Source
from ccsproxy.providers.registry import PROVIDERS, upstream_provider
from ccsproxy.providers.resellers import resale

#: Hosts of OpenAI and xAI that keep a call in one region, which costs more with newer models.
_REGIONAL = re.compile(r"([a-z]{2})\.api\.openai\.com|([a-z]{2})-[a-z]+-\d+\.api\.x\.ai")
#: Longer names are in no price list.
_LONGEST = 200
#: If the seller is unknown, the price of the model's own vendor is used, then those of others that sell it.
_MAKERS = (
    "anthropic",
    "openai",
    "google",
    "xai",
    "deepseek",
    "mistral",
    "cohere",
    "moonshot",
    "zai",
    "minimax",
    "qwen",
)
_SELLERS = ("groq", "cerebras", "perplexity")
_NAMES = {provider.name: provider.provider for provider in PROVIDERS}


@attr.frozen
class FoundPrice:
    """The price row that applies.

    :ivar price: the row.
    :ivar own: whether it is one of the user's own.
    :ivar source: where it was read; None for the user's own.
    """

    price: Price
    own: bool = False
    source: Source | None = None


@cache
def price_list(provider: str) -> PriceList:
    """Return the built-in price list of a provider; empty if there is none."""
    if provider not in LISTED:
        return PriceList({}, [])
    data = files(__package__).joinpath("price_list", f"{provider}.json").read_bytes()
    read = msgspec.json.decode(data, type=PriceList)
    prices = [msgspec.structs.replace(price, provider=provider) for price in read.prices]
    return PriceList(read.sources, prices)


#: The providers with a price list.
LISTED = (*_MAKERS, *_SELLERS)


def provider_of(upstream: str, url: str = "") -> str:
    """Return the seller at an upstream; empty if unknown, in which case the vendors' prices are used.

    :param upstream: its NAME, which is the user's choice and only used if the address is unknown.
    :param url: its address, as in records of version 3.
    """
    host, port = _authority(url)
    return upstream_provider(host, port) if host else _NAMES.get(upstream, "")


def find_price(
    model: str, at: str, provider: str = "", upstream: str = "", own: Iterable[Price] = (), url: str = ""
) -> FoundPrice | None:
    """Return the price of a model at a time; None if unknown.

    :param model: the name in the API; the longest matching name of the list is used.
    :param at: RFC 3339 time or a date, UTC.
    :param provider: the seller; the vendors' prices apply to no other seller. Empty if unknown.
    :param upstream: NAME of the upstream, for the user's own rows for one upstream.
    :param own: the user's own rows, which take precedence.
    :param url: the upstream's address, on which a reseller's price may depend.
    """
    if not model or len(model) > _LONGEST:
        return None
    model = model.removeprefix("models/")
    mine = [row for row in own if row.rates and row.upstream in ("", upstream) and row.provider in ("", provider)]
    if applying := _best([row for row in mine if _holds(row, at)], model):
        return FoundPrice(applying[-1], own=True)
    for seller in [provider] if provider else _MAKERS:
        if rows := _rows(model, seller):
            price = _regional(_newest(rows, at), url)
            return FoundPrice(price, source=price_list(seller).sources.get(price.source)) if price else None
    sold = resale(model, provider, url)
    found = None if sold is None else find_price(sold.model, at, sold.maker)
    return None if found is None or sold is None else attr.evolve(found, price=found.price.times(sold.factor))


def _regional(price: Price | None, url: str) -> Price | None:
    """Return a row at the rates of the region that the upstream's host names; None if there they are unknown."""
    region = _REGIONAL.fullmatch(_authority(url)[0])
    if price is None or region is None or not price.regions:
        return price
    factor = price.regions.get(region[1] or region[2])
    return None if factor is None else price.times(factor)


def context_window(model: str, provider: str = "", upstream: str = "", own: Iterable[Price] = ()) -> int | None:
    """Return the size of a model's context window in tokens; None if unknown. See `find_price`."""
    mine = [row for row in own if row.context and row.upstream in ("", upstream) and row.provider in ("", provider)]
    if sold := resale(model, provider):
        model, provider = sold.model, sold.maker
    for rows in (_best(mine, model), *(_rows(model, seller) for seller in ([provider] if provider else _MAKERS))):
        if known := [row.context for row in rows if row.context]:
            return known[-1]
    return None


@lru_cache(maxsize=1024)
def _rows(model: str, provider: str) -> tuple[Price, ...]:
    """Return the rows of a provider's list that match a model, for any time."""
    return _best(price_list(provider).prices, model)


def _best(rows: Iterable[Price], model: str) -> tuple[Price, ...]:
    fits = [(fit, row) for row in rows if (fit := row.match(model)) is not None]
    best = max((fit for fit, _ in fits), default=0)
    return tuple(row for fit, row in fits if fit == best)


def _newest(rows: tuple[Price, ...], at: str) -> Price | None:
    """Return the last row that applies at a time, because later periods and times of day come last."""
    return next((row for row in reversed(rows) if _holds(row, at)), None)


def _holds(row: Price, at: str) -> bool:
    """Return whether a row applies at a time, RFC 3339."""
    day = at[:10]
    return row.applies(day, at[11:16] or "12:00", not row.workdays or _workday(day))


@lru_cache(maxsize=64)
def _workday(day: str) -> bool:
    try:
        return date.fromisoformat(day).weekday() < 5
    except ValueError:
        return True


@lru_cache(maxsize=256)
def _authority(url: str) -> tuple[str, int | None]:
    """Return host and port of an address; an empty host if it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
