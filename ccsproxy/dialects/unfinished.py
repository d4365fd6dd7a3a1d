"""The usage of a call that broke off before it was counted, as a lower bound."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ccsproxy.dialects.counts import least_tokens
from ccsproxy.exchange.usage import Usage
from ccsproxy.wire.jsontext import JsonError, dumps

#: Where the bodies of all dialects contain what the model wrote; all other places repeat the request.
_ANSWERS = (
    *("content", "choices", "output", "candidates", "message", "response", "completion", "thinking", "generations"),
    *("outputs", "steps", "_step_events", "_messages"),
)
#: The member with the whole text of an answer, where it is one (Cohere v1); elsewhere it repeats the request.
_TEXT = "text"
#: The members that contain texts of the model, and those that contain the input of a tool call.
_TEXTS = frozenset(
    {
        *("text", "thinking", "content", "reasoning", "reasoning_content", "reasoning_text", "refusal", "transcript"),
        *("arguments", "response", "completion", "code", "diff", "_raw_input", "thought", "plan", "tool_plan"),
        "value",
    }
)
_INPUTS = frozenset({"input", "args"})
#: Members that repeat parts of the text, or contain what a provider found.
_ASIDE = frozenset(
    {"citations", "annotations", "groundingMetadata", "citationMetadata", "urlContextMetadata", "logprobs"}
)
#: Parts with such types were produced by a tool of the provider, not by the model.
_NOT_WRITTEN = ("_result", "_output", "_tool_result")


def bounded(usage: Usage | None, body: Any) -> Usage | None:
    """Return a usage whose output is a lower bound: the provider's counts so far, or an estimate of the text.

    :param usage: as far as it was reported.
    :param body: as far as it arrived.
    """
    counted = usage.output_tokens or 0 if usage is not None else 0
    least = max(counted, sum(map(least_tokens, written_texts(body))))
    if not least:
        return usage if usage is None else msgspec.structs.replace(usage, output_tokens=None)
    return msgspec.structs.replace(usage or Usage(), output_tokens=None, output_tokens_at_least=least)


def written_texts(body: Any) -> Iterator[str]:
    """Yield the texts in a body that the model wrote: answers, thinking, and inputs of tool calls."""
    if not isinstance(body, dict):
        return
    waiting: list[tuple[str, Any]] = [(key, body[key]) for key in _ANSWERS if key in body]
    if isinstance(body.get(_TEXT), str):
        waiting.append((_TEXT, body[_TEXT]))
    while waiting:
        key, node = waiting.pop()
        if key in _INPUTS and not isinstance(node, str):
            yield _written(node)
        elif isinstance(node, str):
            if key in _TEXTS or key in _INPUTS:
                yield node
        elif isinstance(node, list):
            waiting.extend((key, child) for child in node)
        elif isinstance(node, dict) and not str(node.get("type", "")).endswith(_NOT_WRITTEN):
            waiting.extend((key, child) for key, child in node.items() if key not in _ASIDE)


def _written(value: Any) -> str:
    try:
        return dumps(value).decode("utf-8")
    except JsonError:
        return ""
