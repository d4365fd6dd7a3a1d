"""Reads JSON bodies: their members, and the errors that providers answer with."""

from typing import Any

from ccsproxy.dialects.findings import Findings


def note_error(value: Any, findings: Findings) -> None:
    """Give the error of a JSON body to ``findings``, in whichever of the providers' shapes it comes.

    ``{"error": {"type" | "status" | "code", "message"}}``, ``{"error": "text"}``, a list with one (Gemini), and
    AWS's ``{"__type", "message"}``.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return
    error = value.get("error")
    if isinstance(error, dict):
        kind = error.get("type") or error.get("status") or error.get("code")
        findings.fail(kind, error.get("message") or error.get("msg"))
    elif isinstance(error, str) and error:
        findings.fail(None, error)
    elif isinstance(value.get("__type"), str):
        findings.fail(value["__type"], value.get("message") or value.get("Message"))


def word_member(value: Any, key: str) -> str | None:
    """Return a string member, or the number that some servers send instead; None otherwise."""
    found = member(value, key)
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def member(value: Any, key: str) -> Any:
    """Return a member of a JSON object; None if it is absent or the value is not an object."""
    return value.get(key) if isinstance(value, dict) else None


def text_member(value: Any, key: str) -> str | None:
    """Return a member that is a non-empty string; None otherwise."""
    found = member(value, key)
    return found if isinstance(found, str) and found else None
