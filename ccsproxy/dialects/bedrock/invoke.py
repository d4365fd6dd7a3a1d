"""Answers of Bedrock's InvokeModel, which are in the formats of the models' vendors."""

from typing import Any

from ccsproxy.dialects.counts import count
from ccsproxy.dialects.json_body import member, word_member
from ccsproxy.exchange.usage import Usage

#: Lists of answers, and the member for the stop reason in their entries (Titan, Mistral, AI21, Cohere, Chat formats).
_LISTS = {
    "results": "completionReason",
    "outputs": "stop_reason",
    "choices": "finish_reason",
    "generations": "finish_reason",
    "completions": "finishReason",
}
#: Counts of bodies: Llama's, Titan's, those of the AI21 models before Jamba.
_INPUTS = ("prompt_token_count", "inputTextTokenCount")
_OUTPUTS = ("generation_token_count", "results_token_count")


def invocation_reason(value: Any) -> str | None:
    """Return why a model stopped; None if its answer does not contain it."""
    for key, reason in _LISTS.items():
        entries = member(value, key)
        first = entries[0] if isinstance(entries, list) and entries else None
        found = word_member(first, reason) or word_member(first, "stop_reason")
        found = found or word_member(member(first, reason), "reason")
        if found:
            return found
    return word_member(value, "stop_reason") or word_member(value, "finish_reason")


def body_usage(value: Any) -> Usage | None:
    """Return the counts in the bodies of Llama and Titan; None if there are none."""
    if not isinstance(value, dict):
        return None
    prompt = next((count(value[key]) for key in _INPUTS if key in value), None)
    written = next((count(value[key]) for key in _OUTPUTS if key in value), None)
    results = value.get("results")
    if written is None and isinstance(results, list) and results:
        counts = [count(member(result, "tokenCount")) for result in results]
        written = sum(known) if len(known := [each for each in counts if each is not None]) == len(counts) else None
    if prompt is None and written is None:
        return None
    raw = {key: value[key] for key in (*_INPUTS, *_OUTPUTS) if key in value}
    return Usage(input_tokens=prompt, output_tokens=written, raw=raw)
