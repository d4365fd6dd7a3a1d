"""A session of an agent that a whole ccsproxy ships somewhere: one turn with a tool, one more call to tell of it."""

import json
from typing import Any

from test.engines.engine import EngineTestCase, free_port
from test.integration.harness import Peer, ScriptedUpstream
from test.integration.messages import Message
from test.integration.program import Program
from test.integration.writing import END, SSE, answer, anthropic, post, sse

USAGE = {"input_tokens": 3, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 7, "output_tokens": 1}
SESSION = "5e551011-0000-4000-8000-000000000001"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def said(*messages: Any) -> bytes:
    """Write the body of a request with a conversation."""
    body = {"model": "claude-opus-5-5", "max_tokens": 50, "stream": True, "messages": list(messages), "tools": [TOOL]}
    return json.dumps({**body, "metadata": {"user_id": f"user_x_account__session_{SESSION}"}}).encode()


TOOL = {"name": "run", "description": "runs", "input_schema": {"type": "object"}}
ASKED = {"role": "user", "content": "please run the tests"}
CALLED = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"a": 1}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "all 12 passed"}]}


def play(peer: Peer, request: Message) -> None:
    """Call a tool first, and be content with its result."""
    body = json.loads(request.body)
    done = len(body["messages"]) > 1
    events = anthropic(["all is well"], [], *END) if done else anthropic([], ['{"a": 1}'], *END)
    events[0]["message"].update(model=body["model"], usage=USAGE)
    for event in events:
        if event.get("content_block", {}).get("type") == "tool_use":
            event["content_block"]["id"] = "toolu_1"
    if done:
        at = next(n for n, event in enumerate(events) if event.get("content_block", {}).get("type") == "tool_use")
        events = [*events[:at], {**END[1], "delta": {"stop_reason": "end_turn"}}, END[2]]
    peer.send(answer(sse(events), SSE))


class ShippingCase(EngineTestCase):
    """A ccsproxy that ships to a port of this machine."""

    async def ship(self, *options: str) -> Program:
        """Start a ccsproxy that ships to a port at which nothing listens yet."""
        self.folder_of = self.folder()
        self.port = free_port()
        upstream = ScriptedUpstream(play)
        port = self.listen(upstream)
        self.addCleanup(self.close_peers, upstream)
        target = f"otlp+http://127.0.0.1:{self.port}"
        ports = ("--proxy-port", "0", "--api-port", "0", "--api-users", "any")
        labels = ("--label", "user=ann", "--label", "host=box", "--label", "team=shop")
        return await self.launch(
            "twistd", "--upstream", f"anthropic=http://127.0.0.1:{port}", "--ship", target, *ports, *labels, *options
        )

    async def call(self, body: bytes, *fields: tuple[str, str]) -> None:
        got = await self.ask(
            post("/v1/messages", body, ("User-Agent", "claude-cli/2.1.300 (external, cli)"), *fields)
        )
        self.assertEqual(got.status, 200)

    async def a_turn(self) -> None:
        """Have the agent ask, run a tool and tell of it."""
        await self.call(said(ASKED))
        await self.call(said(ASKED, CALLED, RESULT))
