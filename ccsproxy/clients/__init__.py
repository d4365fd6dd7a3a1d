"""Recognises the calling client, without I/O: one module per coding agent."""

from typing import Any

import msgspec

from ccsproxy.clients import agents, claude_code, codex, gemini_cli, generic, opencode, sdk
from ccsproxy.clients.call import ClientCall, retry_of
from ccsproxy.exchange.record import Client
from ccsproxy.exchange.relayed import RawHeaders

#: Each module has ``matches(call)`` and ``identify(call)``; the first one that matches is used.
_CLIENTS = (codex, gemini_cli, claude_code, opencode, agents, sdk, generic)


def identify(headers: RawHeaders, target: bytes, body: Any) -> Client:
    """Identify the caller.

    It may be called twice: with the head alone, and with the body once that has been read. Headers have precedence,
    so that both results agree on a session once one is named.

    :param headers: every header line as received.
    :param target: the request target.
    :param body: the parsed JSON body; None while it is unknown, or if there is none.
    """
    call = ClientCall(headers, target, body)
    client = next(module for module in _CLIENTS if module.matches(call)).identify(call)
    return msgspec.structs.replace(client, retry=retry_of(call))
