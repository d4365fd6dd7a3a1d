"""The usage of a batch's results: the sum over its lines, each of which is a model's answer.

Anthropic (``GET /v1/messages/batches/ID/results``) and OpenAI (``GET /v1/files/ID/content``) answer with lines of
JSON. A failed line has no billed usage; if a successful line lacks a count, so does the sum.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

from ccsproxy.dialects.anthropic.usage import anthropic_usage
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.dialects.openai.usage import chat_usage, embedding_usage
from ccsproxy.dialects.route import split_target
from ccsproxy.exchange.usage import LONGEST_PROMPT, Usage
from ccsproxy.wire.jsontext import JsonError, loads

_TIER = "batch"
#: Counts that are unknown if one line lacks them.
_NEEDED = ("input_tokens", "output_tokens")
#: Counts that a line without them does not contribute to.
_OPTIONAL = ("cache_creation_input_tokens", "cache_read_input_tokens", "reasoning_tokens")
_LIFETIMES = ("cache_creation_5m", "cache_creation_1h")


def are_results(facts: Facts) -> bool:
    """Return whether a call asks for the results of a batch, or for a file that may contain them."""
    path = split_target(facts.method, facts.target)
    if path.method != "GET":
        return False
    return (path.last == "results" and "batches" in path.segments) or (
        path.last == "content" and "files" in path.segments
    )


def batch_usage(body: bytes | bytearray) -> tuple[Usage | None, str | None]:
    """Return the total usage of the lines of a batch, and the model if all of them name the same.

    :return: no usage if the lines are not of a batch, none of them has a usage, or one of them is cut off.
    """
    answers = list(_answers(body))
    if any(usage is None for _, usage in answers):
        return None, None
    usages = [usage for _, usage in answers if usage is not None]
    if not usages:
        return None, None
    models = {model for model, _ in answers}
    return _sum(usages), models.pop() if len(models) == 1 else None


def _answers(body: bytes | bytearray) -> Iterator[tuple[str | None, Usage | None]]:
    """Yield model and usage of the lines that were answered; no usage of a line that is damaged behind such."""
    is_batch = False
    for line in io.BytesIO(body):
        try:
            value = loads(line) if line.strip() else None
        except JsonError:
            if is_batch:
                yield None, None
            continue
        if not isinstance(value, dict) or "custom_id" not in value:
            continue
        is_batch = True
        message = member(member(value, "result"), "message")
        if message is not None:
            yield text_member(message, "model"), anthropic_usage(member(message, "usage")) or Usage()
            continue
        answered = member(member(value, "response"), "body")
        if isinstance(member(answered, "usage"), dict):
            is_vectors = isinstance(member(answered, "data"), list)
            usage = embedding_usage(answered["usage"]) if is_vectors else chat_usage(answered)
            yield text_member(answered, "model"), usage or Usage()


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
    counts.update((name, _sum_of_known(usages, name)) for name in optional)
    return Usage(
        **counts,
        service_tier=_TIER,
        tool_calls=tools or None,
        passes=[each for usage in usages for each in usage.passes or ()] or None,
        raw={"requests": len(usages), LONGEST_PROMPT: max(map(_prompt, usages))},
    )


def _known(usages: Sequence[Usage], name: str) -> int | None:
    counts = [getattr(usage, name) for usage in usages]
    return None if None in counts else sum(counts)


def _sum_of_known(usages: Sequence[Usage], name: str) -> int | None:
    counts = [count for usage in usages if (count := getattr(usage, name)) is not None]
    return sum(counts) if counts else None


def _prompt(usage: Usage) -> int:
    counts: list[Any] = [usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
    return sum(count or 0 for count in counts)
