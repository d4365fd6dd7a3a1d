"""OpenCode."""

import re

from ccsproxy.clients.agents import AGENTS, agent_of
from ccsproxy.clients.call import ClientCall, first_id, product
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

_KILO = next(agent for agent in AGENTS if agent.name == "kilo-code")


def matches(call: ClientCall) -> bool:
    """Whether OpenCode made this call; some of its providers put their own name first in the ``User-Agent``."""
    # Kilo Code's command line is derived from OpenCode: it names its sessions alike, and some versions use its name.
    if "opencode/" in call.user_agent.lower() or call.header("x-opencode-session"):
        return not call.header(*_KILO.headers)
    return call.header("x-session-affinity", "x-session-id").startswith("ses_") and agent_of(call) is None


def identify(call: ClientCall) -> Client:
    """Identify the client; a sub-agent has a session of its own and names that of its parent."""
    version = re.search(r"opencode/v?(\d[\w.+-]*)", call.user_agent, re.IGNORECASE)
    return Client(
        name="opencode",
        version=version.group(1) if version else product(call.user_agent)[1],
        session=first_id(
            call.header("x-opencode-session"), call.header("x-session-id"), call.header("x-session-affinity")
        ),
        parent_agent=first_id(call.header("x-parent-session-id", "x-opencode-parent-session")),
        cwd=working_folder(call),
    )
