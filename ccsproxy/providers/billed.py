"""The billable quantities of a usage: tokens by kind, tool calls, tier, region, prompt length."""

from collections.abc import Iterator
from typing import Any

import attr

from ccsproxy.exchange.usage import LONGEST_PROMPT, Usage

#: The providers' names for their standard tier; Bedrock, Gemini and Vertex have their own.
_STANDARD = frozenset({"", "standard", "default", "auto", "not_available", "global", "on_demand", "unspecified"})
_PREFIXES = ("service_tier_", "traffic_type_", "on_demand_", "inference_")
#: Tools without a fee of their own: code execution, fetches, remote tools.
_FREE = frozenset({"web_fetch", "tool_search", "mcp", "mcp_list_tools", "code_execution", "url_context"})


@attr.frozen
class Billed:
    """The billable items of a call.

    :ivar tokens: by the member of `ccsproxy.providers.price_rows.RowRates`; none is zero.
    :ivar pieces: items billed per piece, by kind of fee.
    :ivar tier: in a uniform spelling, ``standard`` for the default one.
    :ivar region: the region that the provider reports; empty if it does not affect the price.
    :ivar prompt: the tokens of the prompt; of several calls together, those of the longest.
    :ivar several: the counts are of several calls together.
    :ivar writes_unsplit: there are cache writes of unknown lifetime.
    :ivar unknown_passes: further runs of a model within this call without reported tokens; empty for none.
    """

    tokens: dict[str, int]
    pieces: dict[str, int]
    tier: str
    region: str
    prompt: int
    writes_unsplit: bool
    unknown_passes: str
    several: bool = False


def billed(usage: Usage) -> Billed:
    """Sort a usage into billable items; an unknown output counts with its lower bound, or not at all."""
    raw = usage.raw if isinstance(usage.raw, dict) else {}
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    tokens = {"input": usage.input_tokens or 0, "output": _output(usage), "cache_read": read}
    unsplit = _add_writes(tokens, usage, written, raw)
    for kind, part, count in _modalities(raw):
        taken = min(max(count, 0), tokens[part])
        tokens[part] -= taken
        tokens[kind] = tokens.get(kind, 0) + taken
    longest = raw.get(LONGEST_PROMPT)
    whole = (usage.input_tokens or 0) + read + written
    return Billed(
        tokens={kind: count for kind, count in tokens.items() if count},
        pieces=dict(_pieces(usage, raw)),
        tier=_tier(usage, raw),
        region=_word(raw.get("inference_geo")),
        prompt=longest if isinstance(longest, int) else whole,
        writes_unsplit=unsplit,
        unknown_passes="" if usage.passes is not None else _other_passes(raw),
        several=isinstance(longest, int),
    )


def _output(usage: Usage) -> int:
    """Return the output's count, or the least that it can be."""
    return usage.output_tokens if usage.output_tokens is not None else usage.output_tokens_at_least or 0


def _add_writes(tokens: dict[str, int], usage: Usage, written: int, raw: dict[str, Any]) -> bool:
    """Add the cache writes by lifetime; return whether their lifetime is unknown."""
    hour, short = usage.cache_creation_1h, usage.cache_creation_5m
    half_day = _count(_details(raw, "input", "cache_write_tokens_details").get("ttl_12h_tokens"))
    if hour is None:
        hour = written - short if short is not None and short <= written else 0
    tokens["cache_write_1h"], tokens["cache_write_12h"] = hour, half_day
    tokens["cache_write"] = max(written - hour - half_day, 0)
    # Some gateways fill the split with zeros: the total then exceeds its parts.
    return bool(written) and not half_day and (hour + (short or 0) < written)


def _tier(usage: Usage, raw: dict[str, Any]) -> str:
    """Return the tier in a uniform spelling; fast modes are a tier of their own."""
    if (speed := _word(usage.speed or raw.get("speed"))) not in ("standard", ""):
        return speed
    value = usage.service_tier or raw.get("service_tier") or raw.get("serviceTier") or raw.get("trafficType")
    return _word(value) or "standard"


def _word(value: Any) -> str:
    """Return a provider's word for a tier or region in one spelling, empty for the ordinary one."""
    word = value.lower() if isinstance(value, str) else ""
    for prefix in _PREFIXES:
        word = word if word in _STANDARD else word.removeprefix(prefix)
    return "" if word in _STANDARD else word


def _pieces(usage: Usage, raw: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the items billed per piece."""
    calls = usage.tool_calls
    if calls is None:
        tools = raw.get("server_tool_use")
        calls = {
            name.removesuffix("_requests"): _count(count)
            for name, count in (tools.items() if isinstance(tools, dict) else ())
        }
    for kind, count in calls.items():
        if count and kind not in _FREE:
            yield kind, count


def _modalities(raw: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield the kind, the part of the tokens that contains it, and the count, for everything that is not text."""
    cached = dict(_spoken(raw.get("cacheTokensDetails")))
    for part, members in _PARTS.items():
        for member in members:
            for kind, count in _spoken(raw.get(member)):
                if f"{kind}_{part}" in _KINDS:
                    yield f"{kind}_{part}", part, count - (cached.get(kind, 0) if part == "input" else 0)


def _spoken(details: Any) -> Iterator[tuple[str, int]]:
    """Yield modality and count as Gemini lists them, or as OpenAI names them."""
    if isinstance(details, list):
        for item in details:
            if isinstance(item, dict) and isinstance(item.get("modality"), str):
                yield item["modality"].lower(), _count(item.get("tokenCount"))
    elif isinstance(details, dict):
        for kind in ("audio", "image"):
            if count := _count(details.get(f"{kind}_tokens")):
                yield kind, count


#: Gemini's prompt includes the cached tokens, which are not billed as input.
_PARTS = {
    "cache_read": ("cacheTokensDetails",),
    "input": ("promptTokensDetails", "prompt_tokens_details", "input_tokens_details"),
    "output": ("candidatesTokensDetails", "completion_tokens_details", "output_tokens_details"),
}
_KINDS = frozenset({"audio_input", "audio_output", "image_input", "image_output", "audio_cache_read"})


def _other_passes(raw: dict[str, Any]) -> str:
    """Name the passes of an answer that are not in its counts: a compaction, an advisor."""
    iterations = raw.get("iterations")
    if not isinstance(iterations, list):
        return ""
    kinds = {item.get("type") if isinstance(item, dict) else None for item in iterations}
    return ", ".join(sorted(str(kind or "unknown") for kind in kinds - {"message"}))


def _details(raw: dict[str, Any], side: str, member: str) -> dict[str, Any]:
    for name in (f"{side}_tokens_details", "prompt_tokens_details"):
        inner = raw.get(name)
        if isinstance(inner, dict) and isinstance(inner.get(member), dict):
            return inner[member]
    found = raw.get(member)
    return found if isinstance(found, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
