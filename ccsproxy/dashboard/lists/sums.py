"""The line above a list that sums up everything it lets through, and says what the sums lack."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h


def sums_line(totals: Mapping[str, Any], sessions: int | None = None) -> Any:
    """Write the sums: calls, prompts with the share that was cached, output, cost, errors.

    :param totals: sums by the members of a summary, with ``requests``, ``errors`` and ``unpriced``.
    :param sessions: how many sessions there are, where it is a list of sessions.
    """
    counted = figures.plural(totals.get("requests") or 0, "call")
    if sessions is not None:
        counted = f"{figures.plural(sessions, 'session')}, {counted}"
    whole, read = prompt_of(totals), totals.get("cache_read_input_tokens")
    said: list[Any] = [h.strong(counted)]
    if whole is not None:
        said.append(f"{figures.tokens(whole)} sent, {figures.percent(read, whole)} cached")
    if totals.get("output_tokens") is not None:
        said.append(f"{figures.tokens(totals['output_tokens'])} out")
    said.append(h.span(figures.dollars(totals.get("cost")), class_="figure", data_testid="sum-cost"))
    if totals.get("unpriced"):
        lacks = figures.lacking(totals["unpriced"], totals.get("unpriced_models") or ())
        said.append(h.span(f"+ {lacks}", class_="warned", data_testid="unpriced"))
    if totals.get("errors"):
        said.append(h.span(figures.plural(totals["errors"], "error"), class_="bad-figure"))
    pieces = [[h.span(" · ", class_="muted") if number else None, each] for number, each in enumerate(said)]
    return h.p(pieces, id="sums", class_="sums", data_testid="sums")


def prompt_of(counts: Mapping[str, Any]) -> int | None:
    """Return the size of prompts: what was read from the cache, written to it, and neither; None where unknown."""
    fresh = counts.get("input_tokens")
    if fresh is None:
        return None
    return int(
        fresh + (counts.get("cache_read_input_tokens") or 0) + (counts.get("cache_creation_input_tokens") or 0)
    )
