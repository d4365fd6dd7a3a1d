"""``ccsproxy mcp``: the protocol, its errors, and what the tools say of a world whose truth is known."""

import io
import json
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from ccsproxy import __version__
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.mcp import serve
from ccsproxy.tools.main import main
from test.insight.world import MAIN
from test.tools.answering import AnsweringCase


class ServingCase(AnsweringCase):
    """Lines in, lines out."""

    def lines(self, *messages: Any) -> list[Any]:
        out = io.StringIO()
        serve(
            [each if isinstance(each, str) else json.dumps(each) for each in messages],
            out,
            lambda: closing(Reader(self.dir)),
        )
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def call(self, method: str, **params: Any) -> Any:
        (answer,) = self.lines({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        self.assertEqual((answer["jsonrpc"], answer["id"]), ("2.0", 7))
        return answer


class ProtocolTests(ServingCase):
    """MCP over standard input and output."""

    def test_beginning(self) -> None:
        """The client's version where it is known, the newest else; a notification is answered by nothing."""
        for asked, told in (("2025-03-26", "2025-03-26"), ("2030-01-01", "2025-06-18"), (None, "2025-06-18")):
            result = self.call("initialize", protocolVersion=asked)["result"]
            self.assertEqual((result["protocolVersion"], result["serverInfo"]["version"]), (told, __version__))
        self.assertEqual(self.lines({"jsonrpc": "2.0", "method": "notifications/initialized"}, "", "  "), [])
        self.assertEqual(self.call("ping")["result"], {})

    def test_tools_are_described(self) -> None:
        for tool in self.call("tools/list")["result"]["tools"]:
            schema = tool["inputSchema"]
            self.assertLessEqual(set(schema["required"]), set(schema["properties"]), tool["name"])
            self.assertTrue(tool["annotations"]["readOnlyHint"])

    def test_what_is_no_message(self) -> None:
        """Each is one error, and the next message is answered all the same."""
        found = self.lines(
            "{", "[]", {"id": 1}, {"id": 2, "method": "nothing"}, {"id": 3, "method": "ping"}, "[" * 9999
        )
        codes = [each.get("error", {}).get("code") for each in found]
        self.assertEqual(codes, [-32700, -32600, -32600, -32601, None, -32700])

    def test_what_no_tool_takes(self) -> None:
        for params in ({"name": "rm"}, {"name": "why"}, {"name": "why", "arguments": []}, {}):
            self.assertEqual(self.call("tools/call", **params)["error"]["code"], -32602, params)


class ToolTests(ServingCase):
    """The tools."""

    def tool(self, name: str, failed: bool = False, **arguments: Any) -> str:
        result = self.call("tools/call", name=name, arguments=arguments)["result"]
        self.assertEqual(result["isError"], failed, result)
        return str(result["content"][0]["text"])

    def test_lists(self) -> None:
        sessions = [json.loads(line) for line in self.tool("list_sessions").splitlines()]
        self.assertIn(MAIN, [each["session_id"] for each in sessions])
        rows = [json.loads(line) for line in self.tool("search_calls", query=f"session:{MAIN}", limit=3).splitlines()]
        self.assertEqual([each["session_id"] for each in rows], [MAIN] * 3)
        self.assertEqual(self.tool("search_calls", query="model:nobody-has-it"), "none")

    def test_one_call_and_one_session(self) -> None:
        self.assertIn("answer", self.tool("show_call", call=f"{MAIN}/{self.joined}"))
        self.assertIn("#", self.tool("show_conversation", session=MAIN)[:200])
        self.assertIn("cache", json.loads(self.tool("why", place=f"{MAIN}/{self.joined}")))
        self.assertEqual(list(json.loads(self.tool("why", place=MAIN))), ["totals", "findings", "weights"])

    def test_sums(self) -> None:
        found = json.loads(self.tool("cost", by="model"))
        self.assertAlmostEqual(sum(each["cost"] or 0 for each in found["rows"]), found["total"]["cost"])
        self.assertIsInstance(json.loads(self.tool("findings", since="2020-01-01")), list)

    def test_mistakes_are_sentences(self) -> None:
        """What an agent asks wrongly it is told, and can ask again."""
        self.assertIn("no session", self.tool("show_conversation", failed=True, session="nobody"))
        for name, given in (
            ("show_call", {"call": "x/y"}),
            ("search_calls", {"query": "cost:>much"}),
            ("cost", {"by": 3}),
            ("list_sessions", {"limit": "many"}),
            ("show_call", {"call": f"{MAIN}/99999"}),
        ):
            self.assertNotIn("Traceback", self.tool(name, failed=True, **given))

    def test_long_answers_are_cut(self) -> None:
        text = self.tool("show_conversation", session=MAIN)
        self.assertLess(len(text), 61_000)


class ShippedTests(AnsweringCase):
    """What was shipped to a folder, in place of a store of this machine."""

    def test_commands_answer_from_it(self) -> None:
        """The tools of agents, the file for others and the list of prompts tell of the store that was shipped."""
        store, lake, page = (Path(self.mktemp()).absolute() for _ in range(3))
        shutil.copytree(self.dir, store)
        # Only segments that are closed are shipped as they are.
        main(["gc", "--retain-days", "0", "--retain-size", "0", "--data-dir", str(store)])
        main(["ship", "--once", f"file://{lake}", "--data-dir", str(store)])
        shipped = ["--from", f"file://{lake}"]
        asked = {"name": "why", "arguments": {"place": f"{MAIN[:8]}/{self.joined}"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
        self.patch(sys, "stdin", io.StringIO(json.dumps(message) + "\n"))
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertEqual(main(["mcp", *shipped]), 0)
        (answer,) = map(json.loads, out.getvalue().splitlines())
        self.assertEqual(json.loads(answer["result"]["content"][0]["text"])["cache"]["verdict"], "changed")
        self.assertEqual(main(["share", MAIN, *shipped, "-o", str(page)]), 0)
        self.assertIn("<!doctype html", page.read_text("utf-8")[:200].lower())
        out.truncate(0)
        self.assertEqual(main(["prompts", *shipped]), 0)
        self.assertIn("claude-code 2.1.197", out.getvalue())
