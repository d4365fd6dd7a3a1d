"""Asks who sent a request, as the tests of single clients do."""

from typing import Any

from ccsproxy.clients import identify
from ccsproxy.exchange.record import Client

SID = "0b9a3b7e-58b1-4f6d-9a39-7d1f0c1a2b3c"
ACCOUNT = "5f0c1a2b-3c0b-4a3b-8e58-b14f6d9a397d"


def ask(headers: dict[str, str], body: Any = None, target: bytes = b"/v1/messages?beta=true") -> Client:
    """Identify the sender of a request with these header fields."""
    return identify([(name.encode(), value.encode()) for name, value in headers.items()], target, body)
