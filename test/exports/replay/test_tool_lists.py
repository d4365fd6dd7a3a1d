"""Tests of leaving tools out."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.errors import EditError
from ccsproxy.exports.replay.tool_lists import without_tool

SHAPES: dict[str, Any] = {
    "anthropic": {
        "tools": [{"name": "Bash"}, {"name": "Read"}, {"type": "web_search_20250305", "name": "web_search"}]
    },
    "chat": {"tools": [{"type": "function", "function": {"name": name}} for name in ("Bash", "Read", "web_search")]},
    "responses": {
        "tools": [{"type": "function", "name": "Bash"}, {"type": "custom", "name": "Read"}, {"type": "web_search"}]
    },
    "codex": {
        "input": [{"type": "additional_tools", "tools": [{"name": "Bash"}, {"name": "Read"}, {"type": "web_search"}]}]
    },
    "gemini": {"tools": [{"functionDeclarations": [{"name": "Bash"}, {"name": "Read"}]}, {"name": "web_search"}]},
    "code assist": {
        "request": {"tools": [{"functionDeclarations": [{"name": "Bash"}, {"name": "Read"}, {"name": "web_search"}]}]}
    },
    "converse": {"toolConfig": {"tools": [{"toolSpec": {"name": name}} for name in ("Bash", "Read", "web_search")]}},
}


def _names(value: Any) -> list[str]:
    """Return whatever is called a name, or is a type that stands for one."""
    if isinstance(value, list):
        return [name for each in value for name in _names(each)]
    if not isinstance(value, dict):
        return []
    own = [value["name"]] if "name" in value else ["web_search"] if value.get("type") == "web_search" else []
    return own + [name for each in value.values() for name in _names(each)]


class ToolTests(SynchronousTestCase):
    """In every dialect."""

    def test_one(self) -> None:
        for title, body in SHAPES.items():
            before = repr(body)
            self.assertEqual(sorted(_names(without_tool(body, "Bash"))), ["Read", "web_search"], title)
            self.assertEqual(repr(body), before)

    def test_several(self) -> None:
        for title, body in SHAPES.items():
            self.assertEqual(_names(without_tool(body, "?e*")), ["Bash"], title)

    def test_all(self) -> None:
        """Lists that get empty go, and what chooses from them."""
        self.assertEqual(without_tool({"tools": [{"name": "a"}], "tool_choice": {"type": "auto"}}, "*"), {})
        self.assertEqual(without_tool({"tools": [{"functionDeclarations": [{"name": "a"}]}]}, "a"), {})

    def test_none(self) -> None:
        error = self.assertRaises(EditError, without_tool, SHAPES["anthropic"], "bash")
        self.assertIn("it has Bash, Read, web_search", str(error))
        self.assertIn("it has none", str(self.assertRaises(EditError, without_tool, {"messages": []}, "x")))

    def test_one_that_is_asked_for(self) -> None:
        body = {**SHAPES["anthropic"], "tool_choice": {"type": "tool", "name": "Bash"}}
        self.assertIn("--set tool_choice=", str(self.assertRaises(EditError, without_tool, body, "Bash")))
        self.assertIn("tool_choice", without_tool(body, "Read"))
