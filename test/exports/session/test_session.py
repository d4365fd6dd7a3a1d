"""A session for people: one conversation, each text once, readable, self-contained, and nothing but text."""

import re
from html.parser import HTMLParser

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.session import SessionExtras, notes_of, session_markdown, session_page
from test.exports.records import make_record, make_request
from test.insight.world import LONG, MAIN, make_world

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\n```\n</details></pre>'


class Reading(HTMLParser):
    """Keeps what elements and attributes a page has, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            raise AssertionError(f"{tag} is closed out of order")

    def handle_data(self, data: str) -> None:
        self.text += data


class WorldExportTests(SynchronousTestCase):
    """The dear session of the world: 43 calls with sub-agents, retries, images and a result of 76 KB."""

    def setUp(self) -> None:
        self.world = make_world()
        self.records = [each for each in self.world.records if each["session_id"] == MAIN]
        self.meta = {"session_id": MAIN, "title": "Twice refunded", "client": "claude-code"}

    def test_page(self) -> None:
        """It is below a megabyte and has contents, findings, every prompt and answer, and results folded."""
        page = "".join(session_page(self.meta, self.records, {}))
        self.assertLess(len(page.encode()), 1_000_000)
        read = Reading(page)
        self.assertEqual(read.open, [])
        for words, _ in self.world.truths[MAIN].turns:
            self.assertIn(words, read.text)
        self.assertIn("3 cache misses cost", read.text)
        self.assertIn("529", read.text)
        links = [value for tag, name, value in read.attributes if (tag, name) == ("a", "href")]
        self.assertEqual(links, [f"#turn-{at}" for at in range(len(self.world.truths[MAIN].turns))])
        self.assertIn("details", read.names)
        sources = [value for _, name, value in read.attributes if name == "src"]
        self.assertTrue(sources)
        self.assertTrue(all(each.startswith("data:image/png;base64,") for each in sources))
        self.assertFalse(read.names & {"script", "link", "iframe", "object"})

    def test_each_text_once(self) -> None:
        """Nothing that was sent again is written again, in either form."""
        for write in (session_page, session_markdown):
            text = "".join(write(self.meta, self.records, {}))
            for once in ("SHOP-12", "select * from ledger"):
                self.assertIn(once, text)
            lines = [line for line in text.splitlines() if len(line) > 150]
            self.assertEqual(len(lines), len(set(lines)), write.__name__)

    def test_sub_agents_are_under_their_call(self) -> None:
        """What sub-agents did is folded where they began, with their sums."""
        text = "".join(session_markdown(self.meta, self.records, {}))
        begun = text.index("find all callers of refund()")
        self.assertLess(begun, text.index("## Turn 2"))
        self.assertRegex(text[: text.index("## Turn 2")], r"\(a0b2c3d4e5f607180\): 4 calls")

    def test_compaction_and_notes(self) -> None:
        """A compacted session says so; notes stand at the head where they are asked for."""
        records = [each for each in self.world.records if each["session_id"] == LONG]
        written = [
            {"session_id": LONG, "seq": 3, "starred": True, "tags": ["odd"], "note": "look here"},
            {"session_id": "another", "seq": None, "starred": True, "tags": [], "note": None},
        ]
        text = "".join(
            session_markdown({"session_id": LONG}, records, {}, SessionExtras(notes=notes_of(written, LONG)))
        )
        self.assertIn("compaction", text)
        self.assertIn("- call 3: starred \\#odd look here", text)
        self.assertNotIn("starred", "".join(session_markdown({"session_id": LONG}, records, {})))


class HostileExportTests(SynchronousTestCase):
    """Captured content is text in exports, too."""

    def record(self) -> dict[str, object]:
        call = {"type": "tool_use", "id": "t1", "name": HOSTILE, "input": {HOSTILE: HOSTILE}}
        result = {"type": "tool_result", "tool_use_id": "t0", "content": HOSTILE}
        image = {"type": "image", "source": {"type": "base64", "media_type": "text/html", "data": HOSTILE}}
        messages = [{"role": "user", "content": [{"type": "text", "text": HOSTILE}, result, image]}]
        body = {"model": HOSTILE, "system": HOSTILE, "messages": messages}
        answer = {"role": "assistant", "content": [{"type": "text", "text": HOSTILE}, call]}
        response = {"status": 200, "body_reassembled": answer}
        return make_record(dialect="anthropic", request=make_request(body=body), response=response, model=HOSTILE)

    def test_page(self) -> None:
        """No element and no attribute comes from it."""
        page = "".join(session_page({"title": HOSTILE, "cwd": HOSTILE}, [self.record()], {}))
        read = Reading(page)
        self.assertEqual(read.open, [])
        self.assertFalse(read.names & {"script", "img"})
        self.assertFalse([each for each in read.attributes if each[1].startswith("on")])

    def test_markdown(self) -> None:
        """No tag of it is one outside of a fence."""
        text = "".join(session_markdown({"title": HOSTILE}, [self.record()], {}))
        outside = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
        for tag in re.findall(r"(?<!\\)<[^>\\]*>", outside):
            self.assertIn(tag, ("<details>", "<summary>", "</summary>", "</details>"))
