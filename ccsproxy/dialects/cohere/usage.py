"""Token counts of Cohere."""

from typing import Any

from ccsproxy.dialects.counts import count, less, tool_counts
from ccsproxy.dialects.json_body import member
from ccsproxy.exchange.usage import Usage


def cohere_usage(raw: Any) -> Usage | None:
    """Map the ``usage`` of version 2, or the ``meta`` of version 1 and of embeddings and rankings.

    ``tokens`` is what went through the model; ``billed_units``, which leaves out what Cohere adds to a prompt, is all
    that embeddings and rankings tell.
    """
    if not isinstance(raw, dict):
        return None
    tokens, billed = raw.get("tokens"), raw.get("billed_units")
    told = tokens if isinstance(tokens, dict) else billed
    if not isinstance(told, dict):
        return None
    cached = count(raw.get("cached_tokens"))
    return Usage(
        input_tokens=less(count(told.get("input_tokens")), cached),
        output_tokens=count(told.get("output_tokens")),
        cache_read_input_tokens=cached,
        tool_calls=tool_counts(search_units=member(billed, "search_units")),
        raw=raw,
    )
