"""Amounts of money in readable form: small amounts are never shown as zero, sums say what is missing from them."""

import math
from collections.abc import Iterable

UNKNOWN = "–"
#: Smaller amounts are written as less than this.
_LEAST = 0.0001


def dollars(amount: float | None, unknown: str = UNKNOWN) -> str:
    """Write an amount in US dollars, a small one with two digits that say something, a tiny one as less than that.

    A column is narrow, and of ``$0.000012`` it would show ``$0.0000``.

    :param unknown: what stands for an amount that is not known.
    """
    if amount is None:
        return unknown
    if amount == 0 or abs(amount) >= 0.1:
        return f"${amount:,.2f}"
    if abs(amount) < _LEAST:
        return f"<${_LEAST}" if amount > 0 else f"-<${_LEAST}"
    digits = 1 - math.floor(math.log10(abs(amount)))
    return f"${amount:.{max(digits, 4)}f}"


def total(amount: float | None, unpriced: int | str | None, unknown: str = UNKNOWN) -> str:
    """Write a cost or a sum of costs; one that lacks something is a lower bound.

    :param unpriced: how many calls have no price, or what a single one lacks.
    """
    if amount is None or not unpriced:
        return dollars(amount, unknown)
    return f"≥ {dollars(amount)}" if amount >= _LEAST else "> $0"


def lacking(unpriced: int | None, models: Iterable[str] = ()) -> str:
    """Say how many calls a sum lacks, and of which models; nothing where it lacks none.

    Their cost is unknown because the model has no price, or because the call broke off before all was counted.

    :param models: the models of those calls.
    """
    if not unpriced:
        return ""
    named = ", ".join(model or "no model" for model in models)
    calls = f"{unpriced:,} call{'' if unpriced == 1 else 's'} of unknown cost"
    return f"{calls} ({named})" if named else calls
