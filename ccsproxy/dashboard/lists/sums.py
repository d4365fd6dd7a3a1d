"""The line above a list with the totals of everything that passes the filter, and what is missing from them."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h

#: Models without a price that are named.
_MODELS = 2


def sums_line(totals: Mapping[str, Any], sessions: int | None = None) -> Any:
    """Write the sums: calls, prompts with the cached share, output, cost, errors.

    :param totals: sums by the members of a summary, with ``requests``, ``errors`` and ``unpriced``.
    :param sessions: how many sessions there are, for a list of sessions.
    """
    counted = figures.plural(totals.get("requests") or 0, "call")
    if sessions is not None:
        counted = f"{figures.plural(sessions, 'session')}, {counted}"
    whole, read = prompt_of(totals), totals.get("cache_read_input_tokens")
    parts: list[Any] = [h.strong(counted)]
    if whole is not None:
        parts.append(f"{figures.tokens(whole)} sent, {figures.percent(read, whole)} cached")
    if totals.get("output_tokens") is not None:
        parts.append(f"{figures.tokens(totals['output_tokens'])} out")
    cost = h.span(figures.dollars(totals.get("cost")), class_="figure", data_testid="sum-cost")
    parts.append([cost, _lacks(totals)])
    if totals.get("errors"):
        parts.append(h.span(figures.plural(totals["errors"], "error"), class_="bad-figure"))
    pieces = [[h.span(" · ", class_="muted") if number else None, each] for number, each in enumerate(parts)]
    return h.p(pieces, id="sums", class_="sums", data_testid="sums")


def _lacks(totals: Mapping[str, Any]) -> Any:
    """Show how many calls a sum of costs lacks, with the first models of those calls."""
    if not totals.get("unpriced"):
        return None
    models = [str(each) for each in totals.get("unpriced_models") or ()]
    more = [f"{len(models) - _MODELS} more"] if len(models) > _MODELS else []
    lacks = figures.lacking(totals["unpriced"], [*models[:_MODELS], *more])
    return h.span(f" + {lacks}", class_="warned", title=", ".join(models) or None, data_testid="unpriced")


def prompt_of(counts: Mapping[str, Any]) -> int | None:
    """Return the size of prompts: read from the cache, written to it, and uncached; None if unknown."""
    fresh = counts.get("input_tokens")
    if fresh is None:
        return None
    return int(
        fresh + (counts.get("cache_read_input_tokens") or 0) + (counts.get("cache_creation_input_tokens") or 0)
    )
