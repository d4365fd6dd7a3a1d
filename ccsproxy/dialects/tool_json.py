"""The JSON text of tool calls: parsed or checked once, at the end."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.wire.jsontext import loads


def tool_input(holder: dict[str, Any], key: str, text: str, findings: Findings, *, whole: bool) -> None:
    """Put the value of a tool call's JSON text at ``holder[key]``.

    Text that is no JSON is kept as it is in ``_raw_<key>``, and ``holder[key]`` stays as it began; blank text changes
    nothing.

    :param whole: the call was finished, so that text that is no JSON is damage and not a cut.
    """
    if not text.strip():
        holder.setdefault(key, {})
        return
    try:
        holder[key] = loads(text)
    except ValueError:
        findings.fault("invalid_tool_json" if whole else "partial_tool_json")
        holder.setdefault(key, {})
        holder[f"_raw_{key}"] = text


def is_json(text: str) -> bool:
    """Whether a text is a whole JSON value."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def check_arguments(text: Any, findings: Findings, *, whole: bool) -> None:
    """Note arguments that stay text, in the provider's own shape, and are no JSON."""
    if isinstance(text, str) and text.strip() and not is_json(text):
        findings.fault("invalid_tool_json" if whole else "partial_tool_json")
