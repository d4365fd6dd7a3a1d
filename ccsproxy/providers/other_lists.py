"""Price lists that others maintain, for comparison: models.dev's ``api.json`` and LiteLLM's price map."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.providers.price_rows import RowRates

#: Their names for some of our providers.
_MODELS_DEV = {"moonshotai": "moonshot", "alibaba": "qwen"}
_LITELLM = {"gemini": "google", "cohere_chat": "cohere", "dashscope": "qwen"}
_PER_TOKEN = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}
#: RowRates that differ by less are the same, written otherwise.
_SAME = 1e-4


@attr.frozen
class Row:
    """The rates of a model in another list.

    :ivar rates: by the names of `RowRates`, US dollars per million tokens.
    """

    provider: str
    model: str
    rates: Mapping[str, float]


@attr.frozen
class PriceDifference:
    """A difference between another list and ours.

    :ivar rate: name of the rate; empty if we have no price of the model.
    """

    provider: str
    model: str
    rate: str = ""
    ours: float | None = None
    theirs: float | None = None


def read_list(document: Any, listed: frozenset[str]) -> Iterator[Row]:
    """Yield the models of our providers in another list that are billed by tokens.

    :param document: the list, as JSON.
    :param listed: names of the providers with a list of ours.
    :raises ValueError: if it is neither models.dev's nor LiteLLM's.
    """
    if not isinstance(document, dict):
        raise ValueError("a price list is a JSON object")
    entries = [value for value in document.values() if isinstance(value, dict)]
    if any("litellm_provider" in each for each in entries):
        rows = _litellm(document)
    elif any(isinstance(each.get("models"), dict) for each in entries):
        rows = _models_dev(document)
    else:
        raise ValueError("neither the models.dev catalogue (api.json) nor LiteLLM's price map")
    return (row for row in rows if row.provider in listed and (row.rates.get("input") or row.rates.get("output")))


def compare(rows: Iterable[Row], find: Callable[[str, str], RowRates | None]) -> Iterator[PriceDifference]:
    """Yield the differences between another list and ours.

    :param find: returns our rates of a model of a provider; None if we have none.
    """
    for row in rows:
        ours = find(row.model, row.provider)
        if ours is None:
            yield PriceDifference(row.provider, row.model)
            continue
        for name, theirs in row.rates.items():
            rate: float | None = getattr(ours, name)
            if abs((rate or 0.0) - theirs) > _SAME * max(theirs, rate or 0.0):
                yield PriceDifference(row.provider, row.model, name, rate, theirs)


def _models_dev(document: Mapping[str, Any]) -> Iterator[Row]:
    for key, provider in document.items():
        models = provider.get("models") if isinstance(provider, dict) else None
        for name, model in models.items() if isinstance(models, dict) else ():
            cost = model.get("cost") if isinstance(model, dict) else None
            if isinstance(cost, dict):
                rates = {each: float(cost[each]) for each in _PER_TOKEN if _is_rate(cost.get(each))}
                yield Row(_MODELS_DEV.get(key, key), str(name), rates)


def _litellm(document: Mapping[str, Any]) -> Iterator[Row]:
    for key, model in document.items():
        if not isinstance(model, dict) or not isinstance(model.get("litellm_provider"), str):
            continue
        seller = model["litellm_provider"]
        rates = {name: model[member] * 1e6 for name, member in _PER_TOKEN.items() if _is_rate(model.get(member))}
        yield Row(_LITELLM.get(seller) or seller, key.removeprefix(f"{seller}/"), rates)


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
