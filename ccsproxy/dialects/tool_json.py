"""The JSON text of tool calls: parsed or checked once, at the end."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.wire.jsontext import loads


def tool_input(holder: dict[str, Any], key: str, text: str, findings: Findings, *, whole: bool) -> None:
    """Put the value of a tool call's JSON text at ``holder[key]``.

    Text that is not JSON is kept unchanged in ``_raw_<key>``, and ``holder[key]`` keeps its initial value; blank text
    changes nothing.

    :param whole: the call was finished, so that invalid JSON is damage and not a cut.
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
    """Return whether a text is a complete JSON value."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def check_arguments(text: Any, findings: Findings, *, whole: bool) -> None:
    """Note arguments that stay text, as in the provider's own format, and are not JSON."""
    if isinstance(text, str) and text.strip() and not is_json(text):
        findings.fault("invalid_tool_json" if whole else "partial_tool_json")
