"""Markdown: captured content stays content."""

from markdown_it import MarkdownIt
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.formats import SESSION
from ccsproxy.exports.session.session import NOTHING
from test.exports.records import UPSTREAMS, make_request
from test.exports.writing import HOSTILE, Tags, write


class MarkdownTests(SynchronousTestCase):
    """Markdown."""

    def test_content_cannot_leave_its_fence(self) -> None:
        """Captured text gives neither headings nor HTML."""
        request = make_request(body=HOSTILE, path=f"/{HOSTILE}")
        tokens = MarkdownIt().enable("table").parse(write("md", request=request))
        kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
        self.assertFalse(kinds & {"html_block", "html_inline", "image"})
        self.assertIn(HOSTILE, [token.content for token in tokens if token.type == "fence"])
        self.assertEqual(sum(token.type == "heading_open" for token in tokens), 7)

    def test_facts_are_there(self) -> None:
        """The overview holds the real URL, the model and the usage that is known."""
        text = write("md")
        self.assertIn("| model | claude-x |", text)
        self.assertIn("https://api.anthropic.com/v1/messages?beta=true", text)
        self.assertNotIn("output\\_tokens", text)

    def test_conversation(self) -> None:
        """System prompt, tools, messages and answer are read as what they are, in every format for people."""
        result = {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": "No such file"}
        body = {
            "model": "claude-x",
            "system": "Be brief.",
            "tools": [{"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object"}}],
            "messages": [{"role": "user", "content": [result, {"type": "text", "text": "Go on"}]}],
        }
        call = {"type": "tool_use", "id": "t2", "name": "Bash", "input": {"command": "ls"}}
        response = {"status": 200, "body_reassembled": {"role": "assistant", "content": [call]}}
        record = {"dialect": "anthropic", "request": make_request(body=body), "response": response}
        text = write("md", **record)
        for said in ("## System prompt", "Be brief.", "Runs it.", "tool result t1 (failed)", "No such file", "Go on"):
            self.assertIn(said.replace("_", "\\_"), text)
        self.assertIn("tool call Bash t2", text)
        self.assertIn('"command": "ls"', text)
        tags = Tags()
        tags.feed(write("html", **record))
        self.assertIn("tool call Bash t2", tags.text)

    def test_what_a_sum_lacks(self) -> None:
        """A session's cost says how many calls it lacks, and of which models."""
        told = {"session_id": "s", "cost": 0.000012, "unpriced": 2, "unpriced_models": ["house-7"]}
        text = "".join(SESSION["md"].write(told, [], UPSTREAMS, NOTHING))
        self.assertIn("> $0, 2 calls of unknown cost", text)
        self.assertIn("house-7", text)
