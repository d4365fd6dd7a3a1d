"""Amounts of money in readable form: small amounts are never shown as zero, sums say what is missing from them."""

import math
from collections.abc import Iterable

UNKNOWN = "–"
#: Smaller amounts are shown as less than this.
_LEAST = 0.0001


def dollars(amount: float | None, unknown: str = UNKNOWN) -> str:
    """Format an amount in US dollars, a small one with two significant digits, a tiny one as less than that.

    A column is narrow, and ``$0.000012`` would be shown as ``$0.0000``.

    :param unknown: placeholder for an unknown amount.
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
    """Format a cost or a sum of costs; one that is incomplete is a lower bound.

    :param unpriced: how many calls have no price, or what is missing for a single one.
    """
    if amount is None or not unpriced:
        return dollars(amount, unknown)
    return f"≥ {dollars(amount)}" if amount >= _LEAST else "> $0"


def lacking(unpriced: int | None, models: Iterable[str] = ()) -> str:
    """Describe how many calls are missing in a sum, and of which models; nothing if none is.

    Their cost is unknown because the model has no price, or because the call broke off before everything was counted.

    :param models: the models of those calls.
    """
    if not unpriced:
        return ""
    named = ", ".join(model or "no model" for model in models)
    calls = f"{unpriced:,} call{'' if unpriced == 1 else 's'} of unknown cost"
    return f"{calls} ({named})" if named else calls
