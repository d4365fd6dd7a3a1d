"""Which price applies to a call: the user's own rows first, then the built-in ones; None if unknown, never a guess.

A price is for one model, from one day on. Other names of the model are only its dated snapshots: ``claude-opus-5``
says nothing about ``claude-opus-5-5``.
"""

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

#: Longer names are in no price list.
_LONGEST = 200
#: Whose price a model has where the seller is not known: its maker's, who comes before those who sell it too.
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
    """The row that applies.

    :ivar price: it.
    :ivar own: whether it is one of the user's own.
    :ivar source: where it was read; None for the user's own.
    """

    price: Price
    own: bool = False
    source: Source | None = None


@cache
def price_list(provider: str) -> PriceList:
    """Return the price list of a provider that comes with this version; an empty one for those that have none."""
    if provider not in LISTED:
        return PriceList({}, [])
    data = files(__package__).joinpath("price_list", f"{provider}.json").read_bytes()
    read = msgspec.json.decode(data, type=PriceList)
    prices = [msgspec.structs.replace(price, provider=provider) for price in read.prices]
    return PriceList(read.sources, prices)


#: The providers with a price list.
LISTED = (*_MAKERS, *_SELLERS)


def provider_of(upstream: str, url: str = "") -> str:
    """Return who sells at an upstream, empty when that is not known; then the makers' prices are taken.

    :param upstream: its NAME, which is the user's choice and only counts where the address is not known.
    :param url: its address, as records of version 3 have it.
    """
    host, port = _authority(url)
    return upstream_provider(host, port) if host else _NAMES.get(upstream, "")


def find_price(
    model: str, at: str, provider: str = "", upstream: str = "", own: Iterable[Price] = (), url: str = ""
) -> FoundPrice | None:
    """Return the price of a model at a time; None when it is not known.

    :param model: as the API names it; the longest matching name of the list counts.
    :param at: RFC 3339 time or a date, UTC.
    :param provider: who sold it; the makers' prices are no one else's. Empty when unknown.
    :param upstream: NAME of the upstream, for rows of the user's own that are for one.
    :param own: the user's own rows, which go before the lists.
    :param url: the upstream's address, where a reseller's price depends on it.
    """
    if not model or len(model) > _LONGEST:
        return None
    model = model.removeprefix("models/")
    mine = [row for row in own if row.rates and row.upstream in ("", upstream) and row.provider in ("", provider)]
    if applying := _best([row for row in mine if _holds(row, at)], model):
        return FoundPrice(applying[-1], own=True)
    for seller in [provider] if provider else _MAKERS:
        if rows := _rows(model, seller):
            price = _newest(rows, at)
            return FoundPrice(price, source=price_list(seller).sources.get(price.source)) if price else None
    sold = resale(model, provider, url)
    found = None if sold is None else find_price(sold.model, at, sold.maker)
    return None if found is None or sold is None else attr.evolve(found, price=found.price.times(sold.factor))


def context_window(model: str, provider: str = "", upstream: str = "", own: Iterable[Price] = ()) -> int | None:
    """Return how many tokens a model's context holds, None when that is not known; see `find_price`."""
    mine = [row for row in own if row.context and row.upstream in ("", upstream) and row.provider in ("", provider)]
    if sold := resale(model, provider):
        model, provider = sold.model, sold.maker
    for rows in (_best(mine, model), *(_rows(model, seller) for seller in ([provider] if provider else _MAKERS))):
        if known := [row.context for row in rows if row.context]:
            return known[-1]
    return None


@lru_cache(maxsize=1024)
def _rows(model: str, provider: str) -> tuple[Price, ...]:
    """Return the rows of a provider's list that mean a model, of whatever time."""
    return _best(price_list(provider).prices, model)


def _best(rows: Iterable[Price], model: str) -> tuple[Price, ...]:
    fits = [(fit, row) for row in rows if (fit := row.match(model)) is not None]
    best = max((fit for fit, _ in fits), default=0)
    return tuple(row for fit, row in fits if fit == best)


def _newest(rows: tuple[Price, ...], at: str) -> Price | None:
    """Return the last of the rows that holds at a time: later periods and times of day stand behind."""
    return next((row for row in reversed(rows) if _holds(row, at)), None)


def _holds(row: Price, at: str) -> bool:
    """Tell whether a row holds at a time, RFC 3339."""
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
    """Return host and port of an address; an empty host where it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
