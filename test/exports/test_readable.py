"""Raw HTTP, Markdown, HTML and JSON: everything is there and captured content stays content."""

import json
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.formats import EXCHANGE, SESSION
from ccsproxy.exports.payload import encoded
from ccsproxy.exports.session import NOTHING
from test.exports.records import UPSTREAMS, make_record, make_request

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\n````\n# heading\n"


def write(name: str, **changes: Any) -> str:
    """Write one exchange in a format."""
    return "".join(EXCHANGE[name].write(make_record(**changes), UPSTREAMS))


class Tags(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


class RawTests(SynchronousTestCase):
    """HTTP messages."""

    def test_both_messages(self) -> None:
        """The request with its lines as spelled, an empty line, the response."""
        text = write("raw")
        self.assertTrue(text.startswith("POST /v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n"))
        self.assertIn("\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: ping\n", text)

    def test_missing_things_are_named(self) -> None:
        """No response, a cut response and a body that was not kept are said in brackets."""
        self.assertIn("[no response: refused]", write("raw", response=None, outcome="refused"))
        self.assertIn("[cut off: shutdown]", write("raw", partial=True, outcome="shutdown"))
        self.assertIn(
            "[77 bytes of unknown type: not kept]", write("raw", request=make_request(body=None, headers={}))
        )


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
        self.assertIn("≥ $0.000012, 2 calls of unknown cost", text)
        self.assertIn("house-7", text)


class PageTests(SynchronousTestCase):
    """HTML."""

    def test_content_is_text_only(self) -> None:
        """No element, attribute or URL comes from captured content."""
        record = make_record(request=make_request(body=HOSTILE, path=HOSTILE), model=HOSTILE)
        for pieces in (
            EXCHANGE["html"].write(record, UPSTREAMS),
            SESSION["html"].write({"title": HOSTILE}, [record], {}, NOTHING),
        ):
            tags = Tags()
            tags.feed("".join(pieces))
            self.assertFalse(tags.names & {"script", "img", "link", "iframe"})
            self.assertFalse(
                {name for name in tags.attributes if name.startswith("on")} | tags.attributes & {"src", "href"}
            )
            self.assertIn(HOSTILE, tags.text)

    def test_long_blocks_are_folded(self) -> None:
        """A long block is there, folded."""
        self.assertIn("<details>", write("html", request=make_request(body="x" * 5000)))


class JsonTests(SynchronousTestCase):
    """JSON and JSON lines."""

    def test_round_trip(self) -> None:
        """The record is all there."""
        record = make_record()
        self.assertEqual(json.loads("".join(EXCHANGE["json"].write(record, {}))), record)
        lines = "".join(SESSION["jsonl"].write({}, [record, record], {}, NOTHING)).splitlines()
        self.assertEqual([json.loads(line) for line in lines], [record, record])

    def test_lone_surrogates(self) -> None:
        """Text that UTF-8 has no bytes for is written as a JSON escape and read back."""
        record = make_record(model="\ud800")
        for name in EXCHANGE:
            encoded("".join(EXCHANGE[name].write(record, UPSTREAMS)))
        self.assertEqual(json.loads(encoded("".join(EXCHANGE["json"].write(record, {})))), record)
