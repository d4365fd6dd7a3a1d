"""Token counts of Anthropic Messages."""

from typing import Any

from ccsproxy.dialects.counts import count, tool_counts, within
from ccsproxy.dialects.json_body import text_member
from ccsproxy.exchange.usage import Pass, Usage

#: The kinds of ``iterations`` whose tokens are included in the counts of the message.
_COUNTED = frozenset({"message", "fallback_message"})
#: The suffix of the counts in ``server_tool_use``.
_REQUESTS = "_requests"


def anthropic_usage(raw: Any) -> Usage | None:
    """Convert the usage of a message, whose counts are already disjoint.

    The counts of compactions and advisors are in ``iterations`` only.
    """
    if not isinstance(raw, dict):
        return None
    return Usage(
        **_tokens(raw),
        reasoning_tokens=within(raw, "output_tokens_details", "thinking_tokens"),
        service_tier=text_member(raw, "service_tier"),
        speed=text_member(raw, "speed"),
        tool_calls=_tools(raw.get("server_tool_use")),
        passes=_passes(raw.get("iterations")),
        raw=raw,
    )


def _tokens(raw: dict[str, Any]) -> dict[str, int | None]:
    written = count(raw.get("cache_creation_input_tokens"))
    short = within(raw, "cache_creation", "ephemeral_5m_input_tokens")
    long = within(raw, "cache_creation", "ephemeral_1h_input_tokens")
    if written and short is not None and long is not None and short + long != written:
        short = long = None  # some relays fill in a split of zeros: how long these tokens live is not known
    return {
        "input_tokens": count(raw.get("input_tokens")),
        "output_tokens": count(raw.get("output_tokens")),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": count(raw.get("cache_read_input_tokens")),
        "cache_creation_5m": short,
        "cache_creation_1h": long,
    }


def _tools(raw: Any) -> dict[str, int] | None:
    counters = raw.items() if isinstance(raw, dict) else ()
    return tool_counts(**{key.removesuffix(_REQUESTS): value for key, value in counters if key.endswith(_REQUESTS)})


def _passes(iterations: Any) -> list[Pass] | None:
    return [
        Pass(kind=kind, model=text_member(each, "model"), **_tokens(each))
        for each in (iterations if isinstance(iterations, list) else ())
        if isinstance(each, dict) and (kind := text_member(each, "type")) and kind not in _COUNTED
    ] or None
