"""The calls of the demo: what an agent with two APIs would send, including a wrong one and an aborted one."""

from collections.abc import Callable
from typing import Any

import attr
import treq
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.http_headers import Headers

#: Has the format of a key, so that the records show its redaction.
FAKE_KEY = "sk-ant-demo-0000000000000000000000000000"
CWD = "/home/you/project"


@attr.frozen
class DemoCall:
    """One call of the demo."""

    title: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = attr.field(factory=dict)
    leave_after: int | None = None


def _anthropic(text: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "claude-sonnet-5",
        "max_tokens": 1024,
        "system": [{"type": "text", "text": f"You are a coding agent.\nPrimary working directory: {CWD}"}],
        "tools": [{"name": "edit_file", "description": "Edit a file.", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": text}],
        **more,
    }


CLAUDE = {
    "x-api-key": FAKE_KEY,
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.197 (external, cli)",
    "x-claude-code-session-id": "demo-session-1",
}
CODEX = {
    "authorization": f"Bearer {FAKE_KEY}",
    "user-agent": "codex_exec/0.169.0 (demo)",
    "session-id": "demo-session-2",
}
CALLS = (
    DemoCall("a streamed message", "/v1/messages", _anthropic("Why does test_headers fail?", stream=True), CLAUDE),
    DemoCall("a message that does not stream", "/v1/messages", _anthropic("And without streaming?"), CLAUDE),
    DemoCall(
        "a streamed response of the other API",
        "/openai/v1/responses",
        {"model": "gpt-6.1-sol", "stream": True, "input": "Fix test_headers, please."},
        CODEX,
    ),
    DemoCall("a request that the API refuses", "/v1/messages", {"max_tokens": 1}, CLAUDE),
    DemoCall(
        "a stream that the client leaves",
        "/v1/messages",
        _anthropic("Tell me everything.", stream=True),
        CLAUDE,
        leave_after=900,
    ),
)


class _Leaver(Protocol):
    """Reads some bytes of a body and disconnects."""

    def __init__(self, enough: int, done: "Deferred[int]") -> None:
        self._enough, self._done, self._seen = enough, done, 0

    def dataReceived(self, data: bytes) -> None:
        """Count the bytes, and disconnect after enough of them."""
        self._seen += len(data)
        if self._seen >= self._enough and self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: object = None) -> None:
        """Report how much was read."""
        if not self._done.called:
            self._done.callback(self._seen)


async def make_calls(client: HTTPClient, proxy_url: str, say: Callable[[str], object]) -> None:
    """Make all calls, one after the other.

    :param say: called with a line for each.
    """
    for call in CALLS:
        response = await client.post(
            proxy_url + call.path,
            json=call.body,
            headers=Headers({k: [v] for k, v in call.headers.items()}),
            unbuffered=True,
            timeout=60,
        )
        if call.leave_after is None:
            length = len(await treq.content(response))
        else:
            left: Deferred[int] = Deferred()
            response.deliverBody(_Leaver(call.leave_after, left))
            length = await left
        say(f"  {response.code}  {length:6} bytes  {call.title}")
