"""Token counts of Cohere."""

from typing import Any

from ccsproxy.dialects.counts import count, less, tool_counts
from ccsproxy.dialects.json_body import member
from ccsproxy.exchange.usage import Usage


def cohere_usage(raw: Any) -> Usage | None:
    """Convert the ``usage`` of version 2, or the ``meta`` of version 1 and of embeddings and rankings.

    ``tokens`` is what the model processed; ``billed_units``, which excludes Cohere's additions to a prompt, is the
    only count of embeddings and rankings.
    """
    if not isinstance(raw, dict):
        return None
    tokens, billed = raw.get("tokens"), raw.get("billed_units")
    counts = tokens if isinstance(tokens, dict) else billed
    if not isinstance(counts, dict):
        return None
    cached = count(raw.get("cached_tokens"))
    return Usage(
        input_tokens=less(count(counts.get("input_tokens")), cached),
        output_tokens=count(counts.get("output_tokens")),
        cache_read_input_tokens=cached,
        tool_calls=tool_counts(search_units=member(billed, "search_units")),
        raw=raw,
    )
