"""Token counts of Ollama's own API."""

from typing import Any

from ccsproxy.dialects.counts import count
from ccsproxy.exchange.usage import Usage

_COUNTERS = (
    "prompt_eval_count",
    "eval_count",
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
)


def ollama_usage(raw: Any) -> Usage | None:
    """Map the counters of an answer or of a stream's last line; ``raw`` keeps its counts and durations."""
    counters = {key: raw[key] for key in _COUNTERS if key in raw} if isinstance(raw, dict) else {}
    if not counters:
        return None
    return Usage(
        input_tokens=count(counters.get("prompt_eval_count")),
        output_tokens=count(counters.get("eval_count")),
        raw=counters,
    )
