"""The cost of a call, part by part, or why it is not known: if any part has no price, neither has the call."""

from collections.abc import Callable, Iterable, Iterator

import attr
import msgspec

from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.billed import Billed, billed
from ccsproxy.providers.price_rows import Price, RowRates, Tier
from ccsproxy.providers.prices import FoundPrice, find_price
from ccsproxy.providers.resellers import unlisted

_MILLION = 1_000_000


@attr.frozen
class PricePart:
    """One part of a cost.

    :ivar kind: the item: a member of `RowRates`, or a fee.
    :ivar count: tokens, or pieces of a fee.
    :ivar rate: US dollars per million tokens, per thousand pieces of a fee.
    :ivar dollars: its cost.
    """

    kind: str
    count: int
    rate: float
    dollars: float


@attr.frozen
class Cost:
    """The cost of a call.

    :ivar dollars: US dollars; None if any part is unknown.
    :ivar at_least: a lower bound in US dollars if only the rest of the output is unknown; None otherwise.
    :ivar gap: what is missing then, in a word: ``model``, ``usage``, ``output``, ``price``, ``tier``, ``rate``,
        ``fee``, ``passes``.
    :ivar reason: the same as a sentence; for a known cost, why this row applies.
    :ivar found: the row of the list; None if there is none.
    :ivar tier: the tier that was billed, ``standard`` for the default one.
    :ivar above: the limit that the prompt exceeded; None below the first.
    :ivar parts: its parts.
    :ivar rates: those of its tier, length and region; None if unknown.
    """

    dollars: float | None
    gap: str = ""
    reason: str = ""
    found: FoundPrice | None = None
    tier: str = "standard"
    above: int | None = None
    parts: tuple[PricePart, ...] = ()
    rates: RowRates | None = None
    at_least: float | None = None


def cost_of(
    model: str | None, usage: Usage | None, at: str, provider: str = "", upstream: str = "",
    own: Iterable[Price] = (), url: str = "",
) -> Cost:  # fmt: skip
    """Compute what a call costs by list price.

    :param model: the model that answered.
    :param usage: its usage.
    :param at: the time, RFC 3339.
    :param provider: the seller; empty if unknown.
    :param upstream: NAME of the upstream, for the user's own rows.
    :param own: the user's own rows.
    :param url: the upstream's address.
    """
    # Precedes every list, because the provider's own figure includes discounts and contracts.
    if usage is not None and usage.stated_cost is not None:
        return Cost(usage.stated_cost, reason="the provider reported the cost of the call")
    if usage is None or usage.input_tokens is None:
        return Cost(None, "usage", "the answer does not say how many tokens it used")
    if not model:
        return Cost(None, "model", "no model is named")
    found = find_price(model, at, provider, upstream, own, url)
    if found is None:
        reason = f"no price of {model} is known" + (f" at {provider}" if provider else "")
        return Cost(None, "price", ": ".join(filter(None, (reason, unlisted(provider)))))
    known = _priced(found, usage, lambda name: find_price(name or model, at, provider, upstream, own, url))
    if usage.output_tokens is not None or known.dollars is None or (known.rates and not known.rates.output):
        return known
    return attr.evolve(known, dollars=None, at_least=known.dollars, gap="output", reason=_BROKEN_OFF)


def cost(model: str | None, usage: Usage | None, at: str, provider: str = "") -> float | None:
    """Return what a call cost in US dollars by list price; None if any part is unknown. See `cost_of`."""
    return cost_of(model, usage, at, provider).dollars


_BROKEN_OFF = "the answer broke off before its tokens were reported"


class _Missing(Exception):
    """A part of the cost is unknown.

    :ivar gap: what is missing, in a word.
    """

    def __init__(self, gap: str, sentence: str) -> None:
        super().__init__(sentence)
        self.gap = gap


def _priced(found: FoundPrice, usage: Usage, price_of: Callable[[str | None], FoundPrice | None]) -> Cost:
    """Price a usage by a row.

    :param price_of: finds the row of another model that ran within the call.
    """
    bill, above = billed(usage), None
    try:
        rates, above = _rates(found.price, bill)
        parts = (*_tokens(rates, bill), *_passes(usage, bill, price_of), *_fees(found.price, bill))
    except _Missing as missing:
        return Cost(None, missing.gap, str(missing), found, bill.tier, above)
    return Cost(sum(part.dollars for part in parts), "", "", found, bill.tier, above, parts, rates)


def _rates(price: Price, bill: Billed) -> tuple[RowRates, int | None]:
    """Return the rates of a call's tier, length and region, and the limit that its prompt exceeded."""
    # Checked before any rate, because uncounted tokens would make every sum too small.
    if bill.unknown_passes:
        raise _Missing("passes", f"the answer took {bill.unknown_passes} whose tokens are in no count")
    rates, steps, factor = price.rates, price.steps, 1.0
    if bill.tier != "standard":
        tier = price.tiers.get(bill.tier)
        if tier is None:
            raise _Missing("tier", f"no price of the tier {bill.tier} is known")
        if isinstance(tier, Tier):
            rates, steps = tier.rates, tier.steps
        else:
            factor = tier
    if bill.region:
        factor *= _region(price, bill.region)
    above = None
    for step in steps:
        if bill.prompt > step.above:
            # Which of the tokens belong to prompts beyond the limit is not known of several calls together.
            if bill.several:
                raise _Missing("rate", f"some of the calls had prompts above {step.above:,} tokens, others may not")
            rates, above = step.rates, step.above
    if rates is None:
        raise _Missing("price", "the row has no rates")
    return (rates if factor == 1.0 else rates.times(factor)), above


def _region(price: Price, region: str) -> float:
    if region not in price.regions:
        raise _Missing("tier", f"no price of the region {region} is known")
    return price.regions[region]


def _tokens(rates: RowRates, bill: Billed) -> Iterator[PricePart]:
    """Yield the cost of the tokens, by the applicable rate."""
    # If both lifetimes have the same rate, the split does not matter.
    if bill.writes_unsplit and rates.cache_write_1h not in (None, rates.cache_write):
        raise _Missing("rate", "the answer does not say for how long it wrote to the cache")
    for kind, count in bill.tokens.items():
        rate = getattr(rates, kind)
        # A provider without a rate for images bills their tokens as text.
        if rate is None and kind == "image_input":
            rate = rates.input
        # A free model is free for every kind, even if the row does not name it.
        if rate is None and not rates.input and not rates.output:
            rate = 0.0
        if rate is None:
            raise _Missing("rate", f"no rate is known for {count} tokens of {kind.replace('_', ' ')}")
        yield PricePart(kind, count, rate, count * rate / _MILLION)


def _passes(usage: Usage, bill: Billed, price_of: Callable[[str | None], FoundPrice | None]) -> Iterator[PricePart]:
    """Yield the cost of further runs of a model within the call, each at its own model's rates."""
    for each in usage.passes or ():
        found = price_of(each.model)
        if found is None or each.input_tokens is None or each.output_tokens is None:
            raise _Missing("passes", f"what a pass of {each.kind} cost is not known")
        counts = {
            name: value for name, value in msgspec.structs.asdict(each).items() if name not in ("kind", "model")
        }
        own = attr.evolve(billed(Usage(**counts)), tier=bill.tier, region=bill.region)
        for part in _tokens(_rates(found.price, own)[0], own):
            yield attr.evolve(part, kind=f"{each.kind} {part.kind}")


def _fees(price: Price, bill: Billed) -> Iterator[PricePart]:
    """Yield what the provider bills per piece."""
    for kind, count in bill.pieces.items():
        if kind == "google_search" and "grounded_prompt" in price.fees:
            kind, count = "grounded_prompt", 1  # Gemini 2.5 bills the prompt, later ones each query
        if kind not in price.fees:
            raise _Missing("fee", f"no fee is known for {count} calls of {kind.replace('_', ' ')}")
        yield PricePart(kind, count, price.fees[kind], count * price.fees[kind] / 1000)
