"""Token counts of Amazon Bedrock: from Converse, from stream metrics, and from invocation headers."""

from collections.abc import Callable
from typing import Any

from ccsproxy.dialects.counts import count, tool_counts
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.exchange.usage import Usage

_HEADER = "x-amzn-bedrock-"
#: The names of the counts in the headers (InvokeModel, "Response Elements").
_HEADERS = {
    "input_tokens": "input-token-count",
    "output_tokens": "output-token-count",
    "cache_read_input_tokens": "cache-read-input-token-count",
    "cache_creation_input_tokens": "cache-write-input-token-count",
}


def converse_usage(raw: Any, tier: Any = None) -> Usage | None:
    """Convert the usage of Converse, whose counts are already disjoint.

    :param tier: the ``serviceTier`` next to it.
    """
    if not isinstance(raw, dict):
        return None
    short, long = _lives(raw.get("cacheDetails"))
    return Usage(
        input_tokens=count(raw.get("inputTokens")),
        output_tokens=count(raw.get("outputTokens")),
        cache_creation_input_tokens=count(raw.get("cacheWriteInputTokens")),
        cache_read_input_tokens=count(raw.get("cacheReadInputTokens")),
        cache_creation_5m=short,
        cache_creation_1h=long,
        service_tier=text_member(tier, "type") if isinstance(tier, dict) else text_member({"tier": tier}, "tier"),
        tool_calls=tool_counts(web_search=member(raw.get("serverToolUsage"), "webSearchRequests")),
        raw=raw,
    )


def _lives(details: Any) -> tuple[int | None, int | None]:
    """Return how many tokens were written for five minutes and for an hour; None if not reported."""
    known: dict[Any, int | None] = {}
    for each in details if isinstance(details, list) else ():
        known[member(each, "ttl")] = count(member(each, "inputTokens"))
    return known.get("5m"), known.get("1h")


def invocation_usage(raw: Any) -> Usage | None:
    """Convert the ``amazon-bedrock-invocationMetrics`` of a stream whose model reports no usage itself."""
    if not isinstance(raw, dict):
        return None
    return Usage(
        input_tokens=count(raw.get("inputTokenCount")),
        output_tokens=count(raw.get("outputTokenCount")),
        cache_creation_input_tokens=count(raw.get("cacheWriteInputTokenCount")),
        cache_read_input_tokens=count(raw.get("cacheReadInputTokenCount")),
        raw=raw,
    )


def header_usage(field: Callable[[str], str]) -> Usage | None:
    """Convert the counts in the headers of an answer, which AWS sends for the models of every vendor.

    :param field: returns the value of a header field; empty if there is none.
    """
    headers = {name: field(_HEADER + header) for name, header in _HEADERS.items()}
    counts: dict[str, Any] = {name: _counted(text) for name, text in headers.items() if text}
    raw = {_HEADER + _HEADERS[name]: text for name, text in headers.items() if text}
    return Usage(**counts, raw=raw) if counts else None


def _counted(text: str) -> int | None:
    return count(int(text)) if text.isascii() and text.isdigit() and len(text) < 20 else None
