"""The usage of a batch's results: the sum over its lines, each of which is a model's answer.

A failed line has no billed usage; if a successful line lacks a count, so does the sum.
"""

from collections.abc import Sequence
from typing import Any

from ccsproxy.dialects.batches.jobs import fetched_results, inline_results
from ccsproxy.dialects.batches.lines import Answered, answered_line, answered_lines
from ccsproxy.dialects.counts import count, exceeds
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.route import split_target
from ccsproxy.exchange.usage import LONGEST_PROMPT, Usage

_TIER = "batch"
#: Counts that are unknown if one line lacks them.
_NEEDED = ("input_tokens", "output_tokens")
#: Counts that a line without them does not contribute to.
_OPTIONAL = ("cache_creation_input_tokens", "cache_read_input_tokens", "reasoning_tokens")
_LIFETIMES = ("cache_creation_5m", "cache_creation_1h")


def batch_usage(facts: Facts, content: bytes | bytearray, body: Any) -> tuple[Usage | None, str | None] | None:
    """Return the total usage of a batch's results, and the model if all of them name the same.

    :param content: the bytes of an answer that arrived whole.
    :param body: what they are as JSON, or text.
    :return: None if the call fetches no results. No usage if they are not of a batch, if none of them has a usage, or
    if one of them is cut off.
    """
    if fetched_results(split_target(facts.method, facts.target), body) is None:
        return None
    inline = inline_results(body)
    if inline is None:
        return _total(list(answered_lines(content)))
    return _total([answered for each in inline if (answered := answered_line(each)) is not None])


def _total(answers: Sequence[Answered]) -> tuple[Usage | None, str | None]:
    usages = [usage for _, usage in answers if usage is not None]
    if not usages or len(usages) < len(answers):
        return None, None
    models = {model for model, _ in answers}
    return _sum(usages), models.pop() if len(models) == 1 else None


def _sum(usages: Sequence[Usage]) -> Usage:
    tools: dict[str, int] = {}
    for usage in usages:
        for kind, times in (usage.tool_calls or {}).items():
            tools[kind] = tools.get(kind, 0) + times
    # Embeddings have no output, so none of their lines has that count.
    needed = [name for name in _NEEDED if any(getattr(usage, name) is not None for usage in usages)]
    unsplit = any(usage.cache_creation_input_tokens and usage.cache_creation_5m is None for usage in usages)
    optional = [*_OPTIONAL, *(() if unsplit else _LIFETIMES)]
    counts: dict[str, Any] = {name: _known(usages, name) for name in needed}
    # A line with a count that is too large has no such count, and a sum without it would be too small.
    known = () if (damaged := _largest(usages)) else optional
    counts.update((name, _sum_of_known(usages, name)) for name in known)
    counts = {name: count(value) for name, value in counts.items()}
    return Usage(
        **counts,
        service_tier=_TIER,
        tool_calls=tools or None,
        passes=[each for usage in usages for each in usage.passes or ()] or None,
        raw={"requests": len(usages), LONGEST_PROMPT: max(map(_prompt, usages)), **damaged},
    )


def _largest(usages: Sequence[Usage]) -> dict[str, Any]:
    """Return what shows that a count is too large; empty if none is."""
    return next(({"too_large": usage.raw} for usage in usages if exceeds(usage.raw)), {})


def _known(usages: Sequence[Usage], name: str) -> int | None:
    counts = [getattr(usage, name) for usage in usages]
    return None if None in counts else sum(counts)


def _sum_of_known(usages: Sequence[Usage], name: str) -> int | None:
    counts = [known for usage in usages if (known := getattr(usage, name)) is not None]
    return sum(counts) if counts else None


def _prompt(usage: Usage) -> int:
    counts: list[Any] = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
    return sum(known or 0 for known in counts)
