"""Codex: command line, editors and desktop."""

from typing import Any

from ccsproxy.clients.call import ClientCall, embedded, first_id, first_name, first_path, member, product
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

_METADATA = "x-codex-turn-metadata"


def matches(call: ClientCall) -> bool:
    """Whether Codex made this call."""
    if product(call.user_agent)[0].lower().startswith("codex"):
        return True
    return call.header("originator").lower().startswith("codex") or bool(call.header(_METADATA))


def identify(call: ClientCall) -> Client:
    """Identify the client: from headers of any version, then the turn's metadata, then the body."""
    turn = embedded(call.header(_METADATA)) or embedded(call.member("client_metadata", _METADATA))
    return Client(
        name="codex",
        version=product(call.user_agent)[1] or first_name(call.header("version")),
        session=first_id(
            call.header("session-id", "x-session-id", "conversation-id"),
            turn.get("session_id"),
            call.member("client_metadata", "session_id"),
            call.member("prompt_cache_key"),
        ),
        thread=first_id(call.header("thread-id", "conversation-id"), turn.get("thread_id")),
        agent=first_name(turn.get("agent_name"), turn.get("agent_id"), call.header("x-openai-subagent")),
        parent_agent=first_name(
            turn.get("parent_agent_name"), turn.get("parent_thread_id"), call.header("x-codex-parent-thread-id")
        ),
        cwd=working_folder(call) or _workspace(turn),
        account=first_id(call.header("chatgpt-account-id", "openai-organization")),
    )


def _workspace(turn: dict[str, Any]) -> str | None:
    """Return the only workspace that the turn's metadata names."""
    workspaces = member(turn, "workspaces")
    if isinstance(workspaces, dict | list) and len(workspaces) == 1:
        return first_path(next(iter(workspaces)))
    return first_path(turn.get("cwd"))
