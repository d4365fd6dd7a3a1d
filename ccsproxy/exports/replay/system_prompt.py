"""Where a request's system prompt is, by dialect, and how to replace it."""

from collections.abc import Callable, Mapping
from typing import Any

from ccsproxy.exports.replay.errors import EditError


def with_system(dialect: str | None, body: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a copy of a request's body with another system prompt.

    :raises EditError: if its place in the dialect is unknown.
    """
    found = _SYSTEMS.get(_spoken(dialect, body))
    if found is None:
        raise EditError(
            f"where a system prompt stands in {dialect or 'this kind of'} requests is not known; use --set"
        )
    return found(body, text)


def _spoken(dialect: str | None, body: Mapping[str, Any]) -> str:
    if dialect == "bedrock":
        return "anthropic" if "anthropic_version" in body else "converse"
    if dialect == "cohere":
        return "openai_chat" if "messages" in body else "cohere"
    return dialect or ""


def _in_messages(body: dict[str, Any], text: str) -> dict[str, Any]:
    messages = body["messages"] if isinstance(body.get("messages"), list) else []
    roles = [each.get("role") if isinstance(each, dict) else None for each in messages]
    count = next((n for n, role in enumerate(roles) if role not in ("system", "developer")), len(roles))
    first = {"role": roles[0] if count else "system", "content": text}
    return {**body, "messages": [first, *messages[count:]]}


def _in_gemini(body: dict[str, Any], text: str) -> dict[str, Any]:
    if isinstance(body.get("request"), dict):  # Code Assist
        return {**body, "request": _in_gemini(body["request"], text)}
    name = "system_instruction" if "system_instruction" in body else "systemInstruction"
    return {**body, name: {"parts": [{"text": text}]}}


_SYSTEMS: Mapping[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "anthropic": lambda body, text: {**body, "system": text},
    "openai_responses": lambda body, text: {**body, "instructions": text},
    "openai_chat": _in_messages,
    "ollama": lambda body, text: _in_messages(body, text) if "messages" in body else {**body, "system": text},
    "gemini": _in_gemini,
    "converse": lambda body, text: {**body, "system": [{"text": text}]},
    "cohere": lambda body, text: {**body, "preamble": text},
}
