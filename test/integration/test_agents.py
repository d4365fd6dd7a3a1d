"""Claude Code and Codex through a running service: the record says what the agent itself says it understood.

The programs are not part of this tree, so this runs when ``CCSPROXY_TEST_CLIENTS`` names a folder into which npm has
installed them (``make test-clients``). They get a home of their own, a key that is none, and a web proxy that is not
there for whatever they would send elsewhere: nothing leaves the machine.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from test.integration.harness import Peer, ProxiedTestCase
from test.integration.messages import Message, chunks
from test.integration.writing import JSON, SSE, answer, head, sse

#: Where `test.compared.install` puts them.
PROGRAMS = Path(os.environ.get("CCSPROXY_TEST_CLIENTS", "")) / "npm"
TEXT = "The file says: héllo ✓, and \\n is no line end."


def message_events(model: str, number: int, content: dict[str, Any], pieces: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield an Anthropic stream of one block."""
    usage = {"input_tokens": 11, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    message = {"id": f"msg_mock{number}", "type": "message", "role": "assistant", "model": model, "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": usage}  # fmt: skip
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": content}
    yield {"type": "ping"}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": piece}
    yield {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "tool_use" if content["type"] == "tool_use" else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 10 + number}}
    yield {"type": "message_stop"}


def response_events(model: str) -> Iterator[Any]:
    """Yield an OpenAI Responses stream of one message."""

    def response(status: str, output: list[Any], usage: Any = None) -> dict[str, Any]:
        return {"id": "resp_mock", "object": "response", "created_at": 1790000000, "status": status, "model": model,
                "output": output, "usage": usage, "error": None, "incomplete_details": None, "tools": [],
                "parallel_tool_calls": True, "tool_choice": "auto", "metadata": {}}  # fmt: skip

    item = {"id": "msg_mock", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    where = {"item_id": "msg_mock", "output_index": 0, "content_index": 0}
    done = {**item, "status": "completed", "content": [part]}
    usage = {"input_tokens": 11, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 7,
             "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 18}  # fmt: skip
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **where, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **where, "delta": TEXT[at : at + 5]} for at in range(0, 99, 5)),
        {"type": "response.output_text.done", **where, "text": TEXT},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": response("completed", [done], usage)},
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


class AgentTests(ProxiedTestCase):
    """An agent, a service, and an upstream that asks Claude Code to read a file first."""

    def setUp(self) -> None:
        if not PROGRAMS.is_dir() or "CCSPROXY_TEST_CLIENTS" not in os.environ:
            raise SkipTest("make test-clients installs and runs the agents")
        self.home = Path(self.mktemp()).absolute()
        self.folder = self.home / "project"
        self.folder.mkdir(parents=True)
        (self.folder / "notes.txt").write_text("héllo ✓\n", encoding="utf-8")

    def script(self, peer: Peer, request: Message) -> None:
        """Answer as the API of the path would."""
        path = request.line.split(b" ")[1].partition(b"?")[0]
        if request.line.startswith(b"POST") and path.endswith((b"/messages", b"/responses")):
            body = json.loads(request.body)
            events = self.messages(body) if path.endswith(b"/messages") else response_events(body["model"])
            stream = chunks(*(sse([event]) for event in events))
            peer.send(head("HTTP/1.1 200 OK", [SSE, ("Transfer-Encoding", "chunked"), ("request-id", "req_mock")]))
            peer.send(stream)
        elif request.line.startswith(b"HEAD"):
            peer.send(answer(b""))
        else:
            peer.send(answer(b'{"type":"error","error":{"type":"not_found_error","message":"none"}}', JSON,
                             status="404 Not Found"))  # fmt: skip

    def messages(self, body: dict[str, Any]) -> Iterator[Any]:
        """Ask for the file, or say what it says."""
        if "tool_result" not in json.dumps(body["messages"]):
            asked = json.dumps({"file_path": str(self.folder / "notes.txt")})
            tool = {"type": "tool_use", "id": "toolu_mock", "name": "Read", "input": {}}
            pieces = [{"type": "input_json_delta", "partial_json": asked[at : at + 9]} for at in range(0, 300, 9)]
            return message_events(body["model"], 1, tool, pieces)
        said = [{"type": "text_delta", "text": TEXT[at : at + 5]} for at in range(0, 99, 5)]
        return message_events(body["model"], 2, {"type": "text", "text": ""}, said)

    async def run_agent(self, *command: str, folder: str = "", **environment: str) -> list[dict[str, Any]]:
        """Run an agent to its end, and return the events that it printed.

        :param folder: where it is installed; by default that of its name.
        """
        nowhere = "http://127.0.0.1:9"
        out, err, status = await getProcessOutputAndValue(
            str(PROGRAMS / (folder or command[0]) / "node_modules" / ".bin" / command[0]),
            command[1:],
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere,
                 "NO_PROXY": "127.0.0.1,localhost", **environment},
            path=str(self.folder),
            reactor=reactor,
            stdinBytes=b"",
        )  # fmt: skip
        self.assertEqual(status, 0, (out[-2000:], err[-2000:]))
        return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]

    async def recorded(self) -> list[dict[str, Any]]:
        """Stop the service and return all records."""
        assert self.running is not None
        await self.running.shutdown()
        return await self.records(self.running.health()["stored"])

    async def test_claude_code(self) -> None:
        """Text, tool call, session, directory, version, model and usage."""
        await self.start_scripted(self.script)
        assert self.running is not None
        said = await self.run_agent(
            *("claude", "-p", "What does notes.txt say?", "--output-format", "stream-json", "--verbose"),
            ANTHROPIC_BASE_URL=self.running.proxy_urls[0],
            ANTHROPIC_API_KEY="sk-ant-none",
            DISABLE_AUTOUPDATER="1",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        )
        records = await self.recorded()
        calls = [record for record in records if record["category"] == "model"]
        opening, result = said[0], said[-1]
        self.assertEqual({record["outcome"] for record in calls}, {"complete"})
        self.assertEqual({record["session_id"] for record in calls}, {opening["session_id"]})
        self.assertEqual([record["seq"] for record in calls], [1, 2])
        client = calls[0]["client"]
        told = (client["name"], client["version"], client["cwd"])
        self.assertEqual(told, ("claude-code", opening["claude_code_version"], opening["cwd"]))
        understood = {each["message"]["id"]: each["message"] for each in said if each["type"] == "assistant"}
        self.assertEqual(len(understood), 2)
        for record in calls:
            body = record["response"]["body_reassembled"]
            message = understood[body["id"]]
            content = [{key: part[key] for key in part.keys() & {"type", "text", "id", "name", "input"}}
                       for part in message["content"]]  # fmt: skip
            self.assertEqual(body["content"], content)
            self.assertEqual((body["model"], record["model"]), (message["model"], message["model"]))
            self.assertEqual(record["request_id"], "req_mock")
        self.assertEqual(calls[-1]["response"]["body_reassembled"]["content"][0]["text"], result["result"])
        self.assertEqual(calls[-1]["stop_reason"], result["stop_reason"])
        names = "input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens".split()
        for name in names:
            self.assertEqual(sum(record["usage"][name] for record in calls), result["usage"][name], name)

    def delegating(self, body: dict[str, Any]) -> Iterator[Any]:
        """Let the main thread begin a sub-agent, and the sub-agent answer at once."""
        text = json.dumps(body["messages"])
        if "count the lines" in text or "And then?" in text:
            said = [{"type": "text_delta", "text": TEXT}]
            return message_events(body["model"], 2, {"type": "text", "text": ""}, said)
        task = {"description": "count", "prompt": "count the lines", "subagent_type": "general-purpose"}
        tool = {"type": "tool_use", "id": "toolu_agent", "name": "Agent", "input": {}}
        return message_events(
            body["model"], 1, tool, [{"type": "input_json_delta", "partial_json": json.dumps(task)}]
        )

    async def test_conversation_of_claude_code(self) -> None:
        """Two turns, a sub-agent under the call that began it, side calls aside; the title is the user's.

        Version 2.1.197 waits for a sub-agent; newer ones go on, and hear of its end in a message.
        """
        self.messages = self.delegating  # type: ignore[method-assign]
        await self.start_scripted(self.script)
        assert self.running is not None
        settings = {
            "ANTHROPIC_BASE_URL": self.running.proxy_urls[0], "ANTHROPIC_API_KEY": "sk-ant-none",
            "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }  # fmt: skip
        asked = "--output-format", "stream-json", "--verbose"
        old = {"folder": "claude-2.1.197", **settings}
        said = await self.run_agent("claude", "-p", "How long is notes.txt?", *asked, **old)
        await self.run_agent("claude", "-p", "--continue", "And then?", *asked, **old)
        await self.recorded()
        reader = Reader(self.data_dir)
        self.addCleanup(reader.close)
        session = said[0]["session_id"]
        got = Insights(reader).conversation(session)
        self.assertEqual([turn["prompt"] for turn in got["turns"]], ["How long is notes.txt?", "And then?"])
        first, last = got["turns"][0]["steps"]
        self.assertEqual([call["name"] for call in first["calls"]], ["Agent"])
        self.assertIn(TEXT, first["calls"][0]["result"]["quote"])
        (agent,) = first["agents"]
        self.assertEqual((agent["call"], len(agent["steps"])), ("toolu_agent", 1))
        self.assertEqual((last["text"], last["agents"]), (TEXT, []))
        self.assertEqual({call["role"] for call in got["side_calls"]} - {"other", "title"}, set())
        self.assertEqual(reader.session(session)["meta"]["title"], "How long is notes.txt?")

    async def test_codex(self) -> None:
        """Text, thread and usage; where its WebSocket is answered 426 it goes on over HTTP at once."""
        await self.start_scripted(self.script, websocket=False)
        assert self.running is not None
        provider = f'{{name="px",base_url="{self.running.proxy_urls[0]}/v1",env_key="OPENAI_API_KEY",'
        provider += 'wire_api="responses",supports_websockets=true}'
        (self.home / "codex").mkdir()
        said = await self.run_agent(
            *("codex", "exec", "--json", "--skip-git-repo-check", "-c", "model_provider=px"),
            *("-c", f"model_providers.px={provider}", "hi"),
            CODEX_HOME=str(self.home / "codex"),
            OPENAI_API_KEY="sk-none",
        )
        records = await self.recorded()
        calls = [
            record for record in records if record["category"] == "model" and record["request"]["method"] == "POST"
        ]
        (attempt,) = [record for record in records if (record["response"] or {}).get("status") == 426]
        self.assertEqual(attempt["outcome"], "refused")
        (call,) = calls
        thread = next(each["thread_id"] for each in said if each["type"] == "thread.started")
        self.assertEqual(
            (call["session_id"], call["outcome"], call["dialect"]), (thread, "complete", "openai_responses")
        )
        self.assertEqual((call["client"]["name"], call["client"]["cwd"]), ("codex", str(self.folder)))
        text = next(each["item"]["text"] for each in said if each["type"] == "item.completed")
        self.assertEqual(call["response"]["body_reassembled"]["output"][0]["content"][0]["text"], text)
        self.assertEqual(text, TEXT)
        usage = next(each["usage"] for each in said if each["type"] == "turn.completed")
        ours = call["usage"]
        self.assertEqual(ours["input_tokens"] + ours["cache_read_input_tokens"], usage["input_tokens"])
        self.assertEqual(ours["cache_read_input_tokens"], usage["cached_input_tokens"])
        self.assertEqual(ours["output_tokens"], usage["output_tokens"])
        self.assertEqual(ours["reasoning_tokens"], usage["reasoning_output_tokens"])
        before, after = (each["started_at"].rpartition("T")[2][:-1].split(":") for each in (attempt, call))
        pause = sum((float(b) - float(a)) * unit for a, b, unit in zip(before, after, (3600, 60, 1), strict=True))
        self.assertLess(pause % 86400, 3.0)
