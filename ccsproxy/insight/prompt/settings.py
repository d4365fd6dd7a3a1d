"""The settings of a request that the prompt cache depends on, apart from the prompt itself.

Sources: "Prompt caching", platform.claude.com (speed, tool choice, thinking, effort); "Prompt caching" and "Prompt
cache diagnostics", developers.openai.com (format, verbosity, parallel calls, tier, key).
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import msgspec

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.prompt.layout import Layout

#: Settings, and the level of the prompt from which on a change of them is felt.
LEVELS = {
    "speed": "system",
    "citations": "system",
    "tool_choice": "messages",
    "thinking": "messages",
    "effort": "messages",
    "parallel_tool_calls": "tools",
    "text.format": "tools",
    "text.verbosity": "tools",
    "reasoning.effort": "tools",
    "context_management": "messages",
    "service_tier": "tools",
    "prompt_cache_key": "tools",
    "cached_content": "tools",
}
_LONGEST = 120


def settings_of(laid: Layout, headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a request that differ from the default, as short JSON texts."""
    found = _of_anthropic(laid.rest) if laid.shape in ("anthropic", "converse") else _of_openai(laid.rest)
    if laid.shape == "gemini":
        found = {"cached_content": laid.rest.get("cachedContent")}
    workspace = headers.get("anthropic-workspace-id")
    if workspace:
        found["workspace"] = workspace
    return {name: _short(value) for name, value in found.items() if value is not None}


def _of_anthropic(rest: Mapping[str, Any]) -> dict[str, Any]:
    speed = rest.get("speed")
    return {
        "speed": None if speed == "standard" else speed,
        "tool_choice": None if rest.get("tool_choice") == {"type": "auto"} else rest.get("tool_choice"),
        "thinking": _thinking(rest.get("thinking")),
        "effort": fields(rest.get("output_config")).get("effort"),
        "service_tier": None if rest.get("service_tier") in ("auto", "standard_only") else rest.get("service_tier"),
    }


def _thinking(thinking: Any) -> Any:
    """Return the thinking that a request asks for; a missing setting equals a disabled one."""
    return None if fields(thinking).get("type") == "disabled" else thinking


def _of_openai(rest: Mapping[str, Any]) -> dict[str, Any]:
    text, reasoning = fields(rest.get("text")), fields(rest.get("reasoning"))
    # `tool_choice: none` and allowed tools are the documented ways of not invalidating the prefix.
    return {
        "parallel_tool_calls": rest.get("parallel_tool_calls"),
        "text.format": text.get("format", rest.get("response_format")),
        "text.verbosity": text.get("verbosity", rest.get("verbosity")),
        "reasoning.effort": reasoning.get("effort", rest.get("reasoning_effort")),
        "service_tier": rest.get("service_tier"),
        "prompt_cache_key": rest.get("prompt_cache_key"),
        "caching": fields(rest.get("prompt_cache_options")).get("mode"),
        "cache_ttl": fields(rest.get("prompt_cache_options")).get("ttl", rest.get("prompt_cache_retention")),
    }


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}~{crc32(text.encode('utf-8', 'replace')):x}"
