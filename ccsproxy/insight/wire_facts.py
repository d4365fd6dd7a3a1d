"""Facts from a record's headers, stream and capture notes: limits, retries, stalls, secrets."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ccsproxy.dialects.views.blocks import fields, items
from ccsproxy.insight.facts import Secret

#: Silences shorter than this are the rhythm of a model, in milliseconds.
STALL_MS = 2000.0
_MOST_STALLS, _MOST_LIMITS, _MOST_TOOLS, _MOST_SECRETS = 8, 60, 32, 50
_LIMITS = (
    "anthropic-ratelimit-",
    "anthropic-fast-",
    "anthropic-priority-",
    "x-ratelimit-",
    "x-codex-",
    "retry-after",
)
_ORGANISATION = ("anthropic-organization-id", "openai-organization")
_DURATION = re.compile(r"([^=;]+)=(\d+(?:\.\d+)?)")


def header_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what request and response headers state, other than the client."""
    request = fields(fields(record.get("request")).get("headers"))
    response = fields(fields(record.get("response")).get("headers"))
    limits = [(name, str(value)[:120]) for name, value in response.items() if name.startswith(_LIMITS)]
    # The organisation that a limit belongs to is in header fields of its own.
    limits += [(name, str(response[name])[:120]) for name in _ORGANISATION if response.get(name)]
    return {
        "limits": tuple(limits[:_MOST_LIMITS]),
        "retry_after_s": _retry_after(response),
        "agent_type": str(request.get("x-claude-code-agent-type") or request.get("x-openai-subagent") or "")[:60],
        "prompt_id": str(request.get("x-claude-code-prompt-id") or "")[:80],
        "compacted": bool(request.get("x-claude-code-context-compacted")),
        "tool_ms": _tool_durations(str(request.get("x-claude-code-prev-tool-durations") or "")),
    }


def _retry_after(response: Mapping[str, Any]) -> float | None:
    """Return how long the provider asks to wait, in seconds; both official SDKs read the milliseconds first."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return float(str(response[name])) * factor
        # It may be a date (RFC 9110, section 10.2.3), which gives no duration without the provider's clock.
        except (KeyError, ValueError):
            continue
    return None


def _tool_durations(text: str) -> tuple[tuple[str, float], ...]:
    return tuple((name.strip(), float(ms)) for name, ms in _DURATION.findall(text)[:_MOST_TOOLS])


def stream_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the longest silences inside the stream."""
    chunks = items(fields(fields(record.get("response")).get("stream")).get("chunks"))
    first = record.get("ttft_ms") or 0.0
    gaps = [
        (float(before[0]), float(after[0]) - float(before[0]))
        for before, after in pairwise(chunks)
        if after[0] - before[0] >= STALL_MS and after[0] > first
    ]
    longest = sorted(gaps, key=lambda gap: -gap[1])[:_MOST_STALLS]
    return {"stalls": tuple(sorted(longest))}


def secret_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what capture redacted, and which secrets the request sent to the provider."""
    note = fields(record.get("capture"))
    return {
        "secrets": _found(note.get("redacted")),
        "outbound": _found(note.get("outbound_secrets")),
        "redactions": note.get("redactions") or 0,
        "dropped_bytes": note.get("dropped_bytes") or 0,
    }


def _found(listed: Any) -> tuple[Secret, ...]:
    return tuple(_secret(fields(each)) for each in items(listed)[:_MOST_SECRETS])


def _secret(each: Mapping[str, Any]) -> Secret:
    count = each.get("count")
    return Secret(
        str(each.get("kind") or "secret")[:60],
        str(each.get("where") or "")[:200],
        count if isinstance(count, int) else 1,
        str(each.get("tag") or "")[:80],
    )
