"""Token counts of OpenAI Responses and Chat Completions, and of the many APIs modelled on them."""

from typing import Any

from ccsproxy.dialects.counts import amount, count, less, tool_counts, within
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.exchange.usage import Usage

#: xAI counts costs in ten thousand millionths of a dollar.
_TICKS = 10_000_000_000
_CALL = "_call"
_CALLS = "_calls"


def openai_usage(raw: Any, tier: Any = None, tool_calls: dict[str, int] | None = None) -> Usage | None:
    """Convert a usage whose input includes the tokens read from and written to the cache.

    :param tier: the ``service_tier`` next to it.
    :param tool_calls: how often the provider's own tools ran, if the answer's items show it.
    """
    if not isinstance(raw, dict):
        return None
    side, other = ("input", "output") if "input_tokens" in raw else ("prompt", "completion")
    read = _cached(raw, side)
    written = within(raw, f"{side}_tokens_details", "cache_write_tokens")
    reasoning = within(raw, f"{other}_tokens_details", "reasoning_tokens")
    prompt, output = _settled(raw, side, other, reasoning)
    return Usage(
        input_tokens=_uncached(raw, prompt, output, read, written),
        output_tokens=output,
        cache_creation_input_tokens=written,
        cache_read_input_tokens=read,
        reasoning_tokens=reasoning if output is None or (reasoning or 0) <= output else None,
        service_tier=tier if isinstance(tier, str) and tier else text_member(raw, "service_tier"),
        tool_calls=tool_calls or _tool_calls(raw),
        stated_cost=_cost(raw),
        raw=raw,
    )


def chat_usage(body: Any) -> Usage | None:
    """Map the usage of a chat completion, wherever its server puts it.

    Groq's streams have it in ``x_groq``, Moonshot's in the choice.
    """
    choices = member(body, "choices")
    places = [body, member(body, "x_groq"), *(choices if isinstance(choices, list) else [])]
    raw = next((usage for place in places if isinstance(usage := member(place, "usage"), dict)), None)
    return openai_usage(raw, member(body, "service_tier"))


def response_usage(response: Any) -> Usage | None:
    """Convert the usage of a Responses object, whose output shows which tools ran."""
    return openai_usage(
        member(response, "usage"), member(response, "service_tier"), _items_of_tools(member(response, "output"))
    )


def embedding_usage(raw: Any) -> Usage | None:
    """Convert the usage of a call without output; Voyage and Jina report only the total."""
    usage = openai_usage(raw)
    if usage is None or usage.input_tokens is not None or "completion_tokens" in raw or "output_tokens" in raw:
        return usage
    return Usage(input_tokens=count(raw.get("total_tokens")), stated_cost=usage.stated_cost, raw=raw)


def _cached(raw: dict[str, Any], side: str) -> int | None:
    """Return the tokens read from the cache; DeepSeek and Kimi report them at the top level."""
    found = within(raw, f"{side}_tokens_details", "cached_tokens")
    for key in ("prompt_cache_hit_tokens", "cached_tokens"):
        found = count(raw.get(key)) if found is None else found
    return found


def _settled(raw: dict[str, Any], side: str, other: str, reasoning: int | None) -> tuple[int | None, int | None]:
    """Return input and output such that they add up to the total, if there is one.

    The excess of the total is reasoning that the output leaves out (xAI; Gemini's OpenAI endpoint, which does not
    even name it), or audio that the input leaves out (Mistral).
    """
    prompt, output = count(raw.get(f"{side}_tokens")), count(raw.get(f"{other}_tokens"))
    total = count(raw.get("total_tokens"))
    if prompt is None or total is None:
        left_out = reasoning is not None and output is not None and reasoning > output and total is None
        return prompt, (output or 0) + (reasoning or 0) if left_out else output
    if output is None:
        return prompt, less(total, prompt) or None
    rest = total - prompt - output
    if rest <= 0 or rest == _cached(raw, side):
        return prompt, output
    if rest != reasoning and _heard(raw, side, rest):
        return prompt + rest, output
    return prompt, output + rest


def _heard(raw: dict[str, Any], side: str, rest: int) -> bool:
    """Return whether tokens that only the total includes are those of audio input."""
    audio = count(raw.get("audio_tokens")), within(raw, f"{side}_tokens_details", "audio_tokens")
    return rest in audio or bool(raw.get(f"{side}_audio_seconds"))


def _uncached(
    raw: dict[str, Any], prompt: int | None, output: int | None, read: int | None, written: int | None
) -> int | None:
    """Return the input without cache reads and writes, which it includes unless the total proves otherwise."""
    total = count(raw.get("total_tokens"))
    if read and None not in (prompt, output, total) and prompt + read + output == total:  # type: ignore[operator]
        return prompt
    return less(prompt, read, written)


def _tool_calls(raw: dict[str, Any]) -> dict[str, int] | None:
    """Return how often the provider's own tools ran, as OpenRouter, xAI and Perplexity report it in the usage."""
    details = raw.get("server_side_tool_usage_details")
    if isinstance(details, dict):
        return tool_counts(**{k.removesuffix(_CALLS): value for k, value in details.items() if k.endswith(_CALLS)})
    used = raw.get("server_tool_use")
    searches = used.get("web_search_requests") if isinstance(used, dict) else None
    return tool_counts(web_search=searches if searches is not None else raw.get("num_search_queries"))


def _items_of_tools(output: Any) -> dict[str, int] | None:
    counts: dict[str, int] = {}
    for item in output if isinstance(output, list) else ():
        kind = text_member(item, "type") or ""
        if kind.endswith(_CALL) and kind not in _OWN_CALLS and item.get("status") != "failed":
            name = kind.removesuffix(_CALL)
            counts[name] = counts.get(name, 0) + _searches(item)
    return {name: number for name, number in counts.items() if number} or None


def _searches(item: dict[str, Any]) -> int:
    """Return how many times a call is billed: opening a result is not a search."""
    action = member(item, "action")
    kind = member(action, "type")
    if item.get("type") != "web_search_call" or kind is None:
        return 1
    queries = member(action, "queries")
    return (len(queries) if isinstance(queries, list) and queries else 1) if kind == "search" else 0


#: Calls that the client carries out.
_OWN_CALLS = frozenset(
    {
        *("function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call"),
        *("tool_search_call", "mcp_call"),
    }
)


def _cost(raw: dict[str, Any]) -> float | None:
    """Return the cost that OpenRouter, xAI, Perplexity and DeepInfra report for a call, in US dollars."""
    cost = raw.get("cost")
    if isinstance(cost, dict):
        return amount(cost.get("total_cost"))
    paid = amount(cost)
    if paid is not None and raw.get("is_byok") is True:
        # OpenRouter's own cost is then only its fee; the provider bills the rest to the user's own key.
        billed = amount(member(raw.get("cost_details"), "upstream_inference_cost"))
        return None if billed is None else paid + billed
    if paid is not None:
        return paid
    ticks = amount(raw.get("cost_in_usd_ticks"))
    return amount(raw.get("estimated_cost")) if ticks is None else ticks / _TICKS
