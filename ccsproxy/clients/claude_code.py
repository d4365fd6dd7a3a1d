"""Claude Code and the agents that are built on it."""

import re
from typing import Any

from ccsproxy.clients.call import ClientCall, embedded, first_id, first_name, product
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

#: The older form of ``metadata.user_id``.
_USER_ID = re.compile(
    r"\Auser_[0-9A-Za-z]*_account_(?P<account_uuid>[0-9A-Za-z-]*)_session_(?P<session_id>[0-9A-Za-z-]+)\Z"
)
#: Its last part is a hash of the prompt.
_VERSION = re.compile(r"\bcc_version=(\d+\.\d+\.\d+)")


def matches(call: ClientCall) -> bool:
    """Whether Claude Code made this call."""
    name = product(call.user_agent)[0]
    return name in ("claude-cli", "claude-code") or bool(call.header("x-claude-code-session-id") or user_id(call))


def identify(call: ClientCall) -> Client:
    """Identify the client: from headers first, then ``metadata.user_id`` and the system prompt."""
    identity = user_id(call)
    name, version = product(call.user_agent)
    return Client(
        name="claude-code",
        version=version if name.startswith("claude") else _billed_version(call),
        session=first_id(call.header("x-claude-code-session-id"), identity.get("session_id")),
        agent=first_id(call.header("x-claude-code-agent-id"), identity.get("agent_id")),
        parent_agent=first_id(call.header("x-claude-code-parent-agent-id"), identity.get("parent_agent_id")),
        thread=first_id(identity.get("parent_session_id")),
        cwd=working_folder(call),
        account=first_id(identity.get("account_uuid")),
    )


def user_id(call: ClientCall) -> dict[str, Any]:
    """Parse ``metadata.user_id``, which is JSON in a string or the older form; empty if it names no session."""
    text = call.member("metadata", "user_id")
    identity = embedded(text)
    if not identity and isinstance(text, str) and (match := _USER_ID.match(text)):
        identity = match.groupdict()
    return identity if "session_id" in identity else {}


def _billed_version(call: ClientCall) -> str | None:
    """Return the version that the first block of the system prompt states."""
    system = call.member("system")
    block = system[0] if isinstance(system, list) and system else None
    text = block.get("text") if isinstance(block, dict) else None
    match = _VERSION.search(text[:1000]) if isinstance(text, str) else None
    return first_name(match.group(1)) if match else None
