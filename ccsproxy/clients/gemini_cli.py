"""Gemini CLI, with an API key or a Google login (Code Assist), and Qwen Code, which is based on it."""

import re

from ccsproxy.clients.call import ClientCall, first_id
from ccsproxy.clients.folders import working_folder
from ccsproxy.exchange.record import Client

#: ``GeminiCLI/0.61.0/gemini-2.5-flash (linux; x64)``, ``GeminiCLI-a2a/0.61``, ``QwenCode/0.15.10 (linux; x64)``.
_USER_AGENT = re.compile(r"\A(GeminiCLI|QwenCode)[\w-]*(?:/v?(\d[\w.+-]*))?", re.IGNORECASE)
_NAMES = {"geminicli": "gemini-cli", "qwencode": "qwen-code"}


def matches(call: ClientCall) -> bool:
    """Whether one of the two made this call."""
    return _USER_AGENT.match(call.user_agent) is not None


def identify(call: ClientCall) -> Client:
    """Identify the client; with an API key neither names its session."""
    match = _USER_AGENT.match(call.user_agent)
    return Client(
        name=_NAMES[match.group(1).lower()] if match else None,
        version=match.group(2) if match else None,
        session=first_id(
            call.member("request", "session_id"),
            call.member("request", "sessionId"),
            call.member("metadata", "sessionId"),
            call.member("metadata", "session_id"),
        ),
        cwd=working_folder(call),
        account=first_id(call.member("project"), call.header("x-goog-user-project")),
    )
