"""Agents without a module of their own, recognised by how they identify themselves in headers or to the model."""

import re

import attr

from ccsproxy.clients.call import ClientCall, first_id, first_name, instructions
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

#: How many characters of the first instructions are searched: agents identify themselves at once.
_LOOKED_AT = 1500
_TEXTS = 3


@attr.frozen
class KnownAgent:
    """How one agent is recognised.

    :ivar name: its name in records.
    :ivar user_agent: a regular expression for its ``User-Agent``, whose group is the version; None if that is a
    library's.
    :ivar says: a regular expression for how it introduces itself to the model.
    :ivar headers: header fields that only it sends.
    :ivar titles: its names in ``X-Title``, a field requested by resellers of models.
    :ivar sessions: header fields with its conversation's id.
    :ivar versions: header fields with its version.
    """

    name: str
    user_agent: re.Pattern[str] | None = None
    says: re.Pattern[str] | None = None
    headers: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    def matches(self, call: ClientCall, opening: str) -> bool:
        """Tell whether it made a call."""
        if self.user_agent is not None and self.user_agent.search(call.user_agent):
            return True
        if any(call.header(name) for name in self.headers):
            return True
        title = call.header("x-title", "x-openrouter-title")
        return title in self.titles or bool(opening and self.says and self.says.search(opening))

    def version(self, call: ClientCall) -> str | None:
        """Return its version, None if not stated."""
        match = self.user_agent.search(call.user_agent) if self.user_agent is not None else None
        return first_name(call.header(*self.versions), match.group(1) if match else None)


def _says(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _product(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?i)(?:^|[\s(;])(?:{names})(?:/v?(\d[\w.+-]*))?(?=[\s/;),]|\Z)")


#: Observed: Kilo CLI 7.7, Cline CLI 3.0, Copilot CLI 1.0.102, Pi 0.73, Continue CLI 1.5, aider 0.86, Amp 0.0.179; the
#: others according to their sources.
AGENTS = (
    KnownAgent(
        "kilo-code",
        _product("kilo-?code|kilo(?:-cli)?"),
        _says(r"You are Kilo\b"),
        ("x-kilocode-version", "x-kilocode-taskid", "x-kilo-session", "x-kilo-project"),
        ("Kilo Code",),
        ("x-kilocode-taskid", "x-kilo-session", "x-session-id", "x-session-affinity"),
        ("x-kilocode-version",),
    ),
    KnownAgent(
        "roo-code",
        _product("roo-?code"),
        _says(r"You are Roo\b"),
        ("x-roo-app-version", "x-roo-task-id"),
        ("Roo Code",),
        ("x-roo-task-id",),
        ("x-roo-app-version",),
    ),
    KnownAgent(
        "cline",
        _product("cline"),
        _says(r"You are Cline\b"),
        ("x-cline-version", "x-core-version"),
        ("Cline",),
        ("x-task-id",),
        ("x-client-version", "x-cline-version"),
    ),
    KnownAgent(
        "copilot-cli",
        _product("copilot|copilot-cli|GithubCopilot-CLI"),
        _says(r"You are (?:the )?(?:GitHub )?Copilot CLI\b"),
        ("x-interaction-type",),
        (),
        ("x-client-session-id", "copilot-session-id", "x-session-id"),
    ),
    KnownAgent(
        "copilot-chat",
        _product("GitHubCopilotChat"),
        None,
        ("copilot-integration-id",),
        (),
        ("vscode-sessionid",),
        ("editor-plugin-version",),
    ),
    KnownAgent("pi", _product("pi|pi-coding-agent"), _says(r"operating inside pi\b|You are pi\b"), ("x-pi-version",)),
    KnownAgent(
        "continue",
        _product("continue(?:-cli)?|cn"),
        _says(r"(?:agent in|You are)(?: the)? Continue(?: CLI)?\b"),
        ("x-continue-unique-id",),
    ),
    KnownAgent("crush", _product("(?:charm-)?crush"), _says(r"You are Crush\b"), sessions=("x-crush-session-id",)),
    KnownAgent(
        "goose",
        _product("goose"),
        _says(r"AI agent called goose\b"),
        ("goose-session-id", "agent-session-id"),
        ("goose", "Goose"),
        ("goose-session-id", "agent-session-id"),
    ),
    KnownAgent(
        "amp",
        _product("amp"),
        _says(r"You are Amp\b"),
        ("x-amp-thread-id", "x-amp-client-version"),
        (),
        ("x-amp-thread-id",),
        ("x-amp-client-version",),
    ),
    KnownAgent(
        "aider",
        _product("aider"),
        _says(r"Act as an expert (?:software developer|code analyst|architect engineer)|using the \*SEARCH/REPLACE"),
        (),
        ("Aider",),
    ),
    KnownAgent("zed", _product("zed"), sessions=("x-zed-thread-id",)),
    KnownAgent("droid", _product("factory-cli|droid"), _says(r"You are Droid\b"), sessions=("x-session-id",)),
    KnownAgent("auggie", _product("augment\\.cli|auggie"), sessions=("x-request-session-id",)),
)
_SESSIONS = ("x-session-id", "session-id", "x-conversation-id", "conversation-id")


def matches(call: ClientCall) -> bool:
    """Whether one of them made this call."""
    return agent_of(call) is not None


def identify(call: ClientCall) -> Client:
    """Identify the agent, with what it reports about itself."""
    agent = agent_of(call)
    assert agent is not None  # noqa: S101 - called only if one matches
    return Client(
        name=agent.name,
        version=agent.version(call),
        session=first_id(*(call.header(name) for name in (*agent.sessions, *_SESSIONS))),
        agent=first_id(call.header("x-agent-id")),
        parent_agent=first_id(call.header("x-parent-session-id", "x-parent-agent-id")),
        thread=first_id(call.header("x-thread-id", "thread-id")),
        cwd=working_folder(call),
    )


def agent_of(call: ClientCall) -> KnownAgent | None:
    """Return the agent that made a call, None if it is none of these."""
    opening = "\n".join(text[:_LOOKED_AT] for _, text in zip(range(_TEXTS), instructions(call.body), strict=False))
    return next((agent for agent in AGENTS if agent.matches(call, opening)), None)
