"""Gemini CLI, with an API key or a Google login (Code Assist)."""

import re

from ccsproxy.clients.call import ClientCall, Saying, first_id, folder, product
from ccsproxy.exchange.record import Client

_CWD = (
    Saying("working in the directory:", re.compile(r"working in the directory:[ \t]*(\S[^\r\n]*)")),
    Saying(
        "working in the following directories:",
        re.compile(r"working in the following directories:\s*-[ \t]*(\S[^\r\n]*)"),
    ),
)


def matches(call: ClientCall) -> bool:
    """Whether Gemini CLI made this call."""
    return product(call.user_agent)[0].lower().startswith("geminicli")


def identify(call: ClientCall) -> Client:
    """Name the client; only Code Assist requests name their session, in the body."""
    return Client(
        name="gemini-cli",
        version=product(call.user_agent)[1],
        session=first_id(call.member("request", "session_id"), call.member("request", "sessionId")),
        cwd=folder(call, *_CWD),
        account=first_id(call.member("project"), call.header("x-goog-user-project")),
    )
