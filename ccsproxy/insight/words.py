"""Numbers as findings and commands write them: tokens, bytes, times; for money see `ccsproxy.providers.amounts`."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.providers.amounts import dollars

__all__ = ["dollars", "plural", "seconds", "size", "times", "tokens"]


def tokens(count: float | None) -> str:
    """Write a number of tokens: ``141k``, ``2.16M``."""
    if count is None:
        return "–"
    if count < 9_950:
        return f"{count:,.0f}" if count < 1000 else f"{count / 1000:.1f}k"
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / 1e6:.2f}M"


def size(count: float) -> str:
    """Write a number of bytes."""
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1000:.0f} KB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def seconds(span: float | None) -> str:
    """Write a span of time: ``46 ms``, ``0.3 s``, ``48 s``, ``2:13``, ``1:02:13``."""
    if span is None:
        return "–"
    # In tenths of a second it would be nothing, or half as much again.
    if 0 < span < 0.0995:
        return f"{span * 1000:.0f} ms" if span >= 0.0005 else "<1 ms"
    if span < 10:
        return f"{span:.1f} s"
    if span < 60:
        return f"{span:.0f} s"
    minutes, rest = divmod(round(span), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted_calls(sums: Mapping[str, Any]) -> str:
    """Format the number of model calls, and the number of other requests, such as agents' telemetry."""
    calls, others = sums["calls"], sums["requests"] - sums["calls"]
    if not calls:
        return plural(others, "request")
    return plural(calls, "call") + (f" + {others:,} other" if others else "")


def plural(count: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def times(count: int) -> str:
    """Write how often something happened."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")
