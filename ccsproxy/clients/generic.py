"""All other callers: named by the first product of their ``User-Agent``, with common session headers."""

from ccsproxy.clients.call import ClientCall, first_id, first_name, product
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

_SESSION = (
    "x-session-id",
    "session-id",
    "x-grok-session-id",
    "x-grok-conv-id",
    "x-conversation-id",
    "conversation-id",
)
#: Agents whose cache key in the body identifies the conversation; for others it is not a session.
_CACHE_KEY_IS_SESSION = ("kimi", "grok")


def matches(call: ClientCall) -> bool:
    """Return true: any call matches."""
    return True


def identify(call: ClientCall) -> Client:
    """Identify the client by its own name."""
    name, version = product(call.user_agent)
    keyed = name.lower().startswith(_CACHE_KEY_IS_SESSION)
    return Client(
        name=first_name(name.lower()),
        version=version,
        session=first_id(
            *(call.header(header) for header in _SESSION), call.member("prompt_cache_key") if keyed else None
        ),
        agent=first_id(call.header("x-agent-id")),
        parent_agent=first_id(call.header("x-parent-session-id", "x-parent-agent-id")),
        thread=first_id(call.header("x-thread-id", "thread-id")),
        cwd=working_folder(call),
        account=first_id(call.header("chatgpt-account-id", "openai-organization")),
    )
