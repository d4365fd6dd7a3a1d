"""Token counts of Gemini's APIs."""

from typing import Any

from ccsproxy.dialects.counts import count, less, tool_counts
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.exchange.usage import Usage

#: The parts of the total, in the order in which later chunks of a stream report them.
_PARTS = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
_OUTPUT = ("candidatesTokenCount", "thoughtsTokenCount")
_TOTAL = "totalTokenCount"


def gemini_usage(raw: Any, candidates: Any = None) -> Usage | None:
    """Convert ``usageMetadata``: the prompt includes the cached part, candidates exclude the thinking.

    :param candidates: of the same answer, whose grounding shows the searches.
    """
    if not isinstance(raw, dict):
        return None
    prompt, read = count(raw.get("promptTokenCount")), count(raw.get("cachedContentTokenCount"))
    tool = count(raw.get("toolUsePromptTokenCount"))
    fresh = less(prompt, read)
    return Usage(
        input_tokens=None if fresh is None else fresh + (tool or 0),
        output_tokens=_output(raw, prompt, tool),
        cache_read_input_tokens=read,
        reasoning_tokens=count(raw.get("thoughtsTokenCount")),
        service_tier=text_member(raw, "serviceTier") or text_member(raw, "trafficType"),
        tool_calls=_grounding(candidates),
        raw=raw,
    )


def merged_metadata(known: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """Return the ``usageMetadata`` of a stream after another chunk: counts are cumulative, so the last one is used.

    Early chunks may contain a single member. If the last chunk omits an output count, that count is zero, unless its
    total shows that the chunk only repeats what changed.
    """
    merged = {**known, **{key: value for key, value in update.items() if value is not None}}
    total = count(update.get(_TOTAL))
    stale = [key for key in _OUTPUT if key in merged and key not in update]
    if total is None or not stale or _sum(merged) == total:
        return merged
    without = {key: value for key, value in merged.items() if key not in stale}
    return without if _sum(without) == total else merged


def _sum(raw: dict[str, Any]) -> int:
    return sum(count(raw.get(key)) or 0 for key in _PARTS)


def _output(raw: dict[str, Any], prompt: int | None, tool: int | None) -> int | None:
    candidates_count, thoughts = count(raw.get("candidatesTokenCount")), count(raw.get("thoughtsTokenCount"))
    if candidates_count is not None:
        return candidates_count + (thoughts or 0)
    # Gemini omits a count of zero; the total then shows whether anything but thinking was written.
    rest = less(count(raw.get(_TOTAL)), prompt, tool) if prompt is not None else None
    return rest if thoughts is not None or rest else None


def _grounding(candidates: Any) -> dict[str, int] | None:
    """Return how many searches an answer is grounded in."""
    searches = maps = 0
    for candidate in candidates if isinstance(candidates, list) else ():
        metadata = member(candidate, "groundingMetadata")
        queries, chunks = member(metadata, "webSearchQueries"), member(metadata, "groundingChunks")
        searches += len([query for query in queries if query]) if isinstance(queries, list) else 0
        found = chunks if isinstance(chunks, list) else ()
        maps += any(isinstance(member(chunk, "maps"), dict) for chunk in found)
    return tool_counts(google_search=searches, google_maps=maps)


def interaction_usage(raw: Any) -> Usage | None:
    """Map the usage of an interaction: the input includes the cached part, the output excludes the thoughts."""
    if not isinstance(raw, dict):
        return None
    total, cached = count(raw.get("total_input_tokens")), count(raw.get("total_cached_tokens"))
    output, thoughts = count(raw.get("total_output_tokens")), count(raw.get("total_thought_tokens"))
    tool = count(raw.get("total_tool_use_tokens"))
    fresh = less(total, cached)
    return Usage(
        input_tokens=None if fresh is None else fresh + (tool or 0),
        output_tokens=None if output is None else output + (thoughts or 0),
        cache_read_input_tokens=cached,
        reasoning_tokens=thoughts,
        raw=raw,
    )
