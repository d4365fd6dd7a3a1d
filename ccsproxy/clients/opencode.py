"""OpenCode."""

import re

from ccsproxy.clients.call import ClientCall, Saying, first_id, folder, product
from ccsproxy.exchange.record import Client

_CWD = Saying("Working directory:", re.compile(r"(?m)^[ \t]*Working directory:[ \t]*(\S[^\r\n]*)"))


def matches(call: ClientCall) -> bool:
    """Whether OpenCode made this call; some of its providers put their own name first in the ``User-Agent``."""
    return (
        "opencode/" in call.user_agent.lower()
        or bool(call.header("x-opencode-session"))
        or call.header("x-session-affinity", "x-session-id").startswith("ses_")
    )


def identify(call: ClientCall) -> Client:
    """Name the client; a sub-agent has a session of its own and names that of its parent."""
    version = re.search(r"opencode/v?(\d[\w.+-]*)", call.user_agent, re.IGNORECASE)
    return Client(
        name="opencode",
        version=version.group(1) if version else product(call.user_agent)[1],
        session=first_id(
            call.header("x-opencode-session"), call.header("x-session-id"), call.header("x-session-affinity")
        ),
        parent_agent=first_id(call.header("x-parent-session-id", "x-opencode-parent-session")),
        cwd=folder(call, _CWD),
    )
