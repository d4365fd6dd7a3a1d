"""Tests of putting another system prompt into a request."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.views.view import request_view
from ccsproxy.exports.replay.errors import EditError
from ccsproxy.exports.replay.system_prompt import with_system

USER = {"role": "user", "content": "hi"}
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("anthropic", {"system": [{"type": "text", "text": "old"}], "messages": [USER]}),
    ("anthropic", {"messages": [USER]}),
    ("openai_responses", {"instructions": "old", "input": "hi"}),
    (
        "openai_chat",
        {"messages": [{"role": "developer", "content": "old"}, {"role": "system", "content": "older"}, USER]},
    ),
    ("openai_chat", {"messages": [USER]}),
    ("ollama", {"messages": [{"role": "system", "content": "old"}, USER]}),
    ("gemini", {"systemInstruction": {"parts": [{"text": "old"}]}, "contents": []}),
    ("bedrock", {"system": [{"text": "old"}], "messages": []}),
    ("bedrock", {"anthropic_version": "x", "system": "old", "messages": []}),
    ("cohere", {"preamble": "old", "message": "hi"}),
)


class SystemTests(SynchronousTestCase):
    """In every dialect the view of the request tells the new one, and not the old."""

    def test_dialects(self) -> None:
        for dialect, body in BODIES:
            before, changed = repr(body), with_system(dialect, body, "be brief")
            view = request_view(dialect, changed)
            said = [block.text for block in view.system]
            said += [
                block.text for each in view.messages if each.role in ("system", "developer") for block in each.blocks
            ]
            self.assertEqual(said, ["be brief"], (dialect, changed))
            self.assertEqual(repr(body), before)

    def test_spellings_that_are_kept(self) -> None:
        """The role and the member's name stay as the client writes them."""
        self.assertEqual(with_system("openai_chat", BODIES[3][1], "x")["messages"][0]["role"], "developer")
        self.assertEqual(list(with_system("gemini", {"system_instruction": {}}, "x")), ["system_instruction"])
        self.assertEqual(
            with_system("gemini", {"request": {"contents": []}}, "x")["request"]["systemInstruction"],
            {"parts": [{"text": "x"}]},
        )
        self.assertEqual(with_system("ollama", {"prompt": "hi"}, "x"), {"prompt": "hi", "system": "x"})

    def test_unknown(self) -> None:
        self.assertRaises(EditError, with_system, "generic", {}, "x")
        self.assertRaises(EditError, with_system, None, {}, "x")
