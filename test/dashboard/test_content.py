"""Tests of what is shown of captured content: readable in every dialect, and never anything but text."""

from typing import Any

from test.dashboard import specimens
from test.dashboard.scene import DashboardCase

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></textarea></template><svg onload=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://evil/p.png) <http://evil>",
    "<!-- --><style>*{display:none}</style>&lt;b&gt;&#60;",
    "']]><a href='javascript:alert(1)'>",
    "\x00\x1b[31m\ud800 \u202e end",
    "```html\n<iframe srcdoc='<script>alert(1)</script>'>\n```",
)


class DialectTests(DashboardCase):
    """A call of every dialect."""

    def test_readable(self) -> None:
        """What was asked and answered can be read in every dialect, and as JSON too."""
        self.keep(*(make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)))
        for number, (_, asked, answered) in enumerate(specimens.DIALECTS.values(), 1):
            address = f"/x/{specimens.SID}/{number}"
            self.assertIn(asked, self.page(f"{address}?view=request").one("main").text)
            self.assertIn(answered, self.page(f"{address}?view=response").one("main").text)
            self.assertIn(asked, self.page(f"{address}?view=request&form=json").one("main").text)

    def test_calls_and_results_are_paired(self) -> None:
        """A call links to its result and the result to its call, and says which tool it was."""
        self.keep(specimens.anthropic(1))
        page = self.page(f"/x/{specimens.SID}/1?view=request")
        result = page.one("div", id="result-toolu_read")
        self.assertIn("Read", result.text)
        self.assertEqual(result.one("a").attributes["href"], "#call-toolu_read")
        self.assertEqual(page.one("div", id="call-toolu_read").one("a").attributes["href"], "#result-toolu_read")

    def test_who_called(self) -> None:
        """The overview says which program called and whose record it is, as far as that is known."""
        named = specimens.anthropic(1)
        process = {"pid": 4711, "exe": "/usr/bin/node", "cwd": "/home/dev", "started_at": "2026-11-20T10:00:00.000Z"}
        named["client"] = {**named["client"], "process": process}
        named["labels"] = {"team": "search"}
        self.keep(named, specimens.anthropic(2))
        known, unknown = (self.page(f"/x/{specimens.SID}/{seq}?view=overview").one("main").text for seq in (1, 2))
        for said in ("/usr/bin/node", "4711, started", "team=search"):
            self.assertIn(said, known)
        self.assertNotIn("Program", unknown)

    def test_neighbours(self) -> None:
        """An exchange leads to those before and after it, and to what it changed against the turn before."""
        self.keep(*specimens.conversation(3, branch_at=0))
        page = self.page(f"/x/{specimens.SID}/2?view=request")
        links = {each.attributes.get("rel"): each.attributes["href"] for each in page.all("a")}
        self.assertEqual(links["prev"], f"/x/{specimens.SID}/1?view=request")
        self.assertEqual(links["next"], f"/x/{specimens.SID}/3?view=request")
        self.assertEqual(page.one("body").attributes["data-diff"], f"/diff/{specimens.SID}/1/2")
        self.assertEqual([each["seq"] for each in self.reader.around(specimens.SID, 3, 1)], [2, 3])

    def test_edit_is_a_difference(self) -> None:
        """An edit shows the lines that it removes and adds."""
        self.keep(specimens.anthropic(1))
        page = self.page(f"/x/{specimens.SID}/1?view=response")
        self.assertTrue(page.all("span", class_="removed"))
        self.assertTrue(page.all("span", class_="added"))

    def test_session(self) -> None:
        """A session shows each step's new messages once, and folds the sub-agent under the call that began it."""
        self.keep(*specimens.conversation(25))
        page = self.page(f"/s/{specimens.SID}")
        self.assertEqual(len(page.all("article", data_testid="step")), 25)
        self.assertEqual(page.one("main").text.count("part 2 x = 1"), 1)
        self.assertEqual(page.one("main").text.count("Step 3: I read"), 1)
        self.assertIn("agent-explore", page.one("main").text)
        self.assertEqual(len(self.page(f"/s/{specimens.SID}?view=calls").all("tr", data_testid="row")), 27)

    def test_difference(self) -> None:
        """The difference of two turns shows what was added only."""
        self.keep(*specimens.conversation(3, branch_at=0))
        page = self.page(f"/diff/{specimens.SID}/2/3")
        self.assertEqual(len(page.all("article", data_testid="change-added")), 2)
        self.assertEqual(page.all("article", data_testid="change-removed"), [])
        self.page(f"/diff/{specimens.SID}/2/9", 404)


class HostileTests(DashboardCase):
    """Content that tries to be more than content."""

    def test_everywhere(self) -> None:
        """Whatever stands in prompts, answers, tools, headers, names, errors and ids is text on every page."""
        self.keep(*(hostile(number, text) for number, text in enumerate(NASTY, 1)))
        for number, text in enumerate(NASTY, 1):
            sid = specimens.SID
            views = ("overview", "request", "response", "headers", "raw")
            for path in [*(f"/x/{sid}/{number}?view={view}" for view in views), f"/diff/{sid}/{number}/1"]:
                page = self.page(path)
                self.assertEqual(len(page.all("h1")), 1)
            shown = self.page(f"/x/{sid}/{number}?view=request").one("main").text
            self.assertIn(text.split("\n")[0][:5].replace("\x00\x1b", "\u2400\u241b")[:3], shown)
        for path in ("/", "/sessions", "/overview?span=all", f"/s/{specimens.SID}", f"/s/{specimens.SID}?view=calls"):
            self.page(path)
        for path in (
            f"/s/{sid}?view=costs",
            f"/s/{sid}?call=3",
            f"/calls?q=alert&sel={sid}/3",
            f"/sessions?sel={sid}",
        ):
            self.page(path)

    def test_in_addresses(self) -> None:
        """What an address says is shown as text, too."""
        for text in ("%3Cscript%3E", "%22onload%3Dx", "%00", "%ed%a0%80"):
            self.page(f"/?q={text}&model={text}&session={text}")
            self.page(f"/s/{text}", 404)
            self.page(f"/x/{text}/1", 404)

    def test_long(self) -> None:
        """A record of many megabytes makes a page that a browser can bear, which says what it leaves out."""
        text = "word " * 400_000
        messages = [{"role": "user", "content": f"{number} {text}"} for number in range(4)]
        self.keep(
            specimens.record(1, "anthropic", {"messages": messages}, {"content": [{"type": "text", "text": text}]})
        )
        for view in ("overview", "request", "response", "raw"):
            response = self.ask(f"/x/{specimens.SID}/1?view={view}")
            self.assertLess(len(response.body), 1_500_000)
        self.assertIn("not shown", self.page(f"/x/{specimens.SID}/1?view=request").one("main").text)

    def test_many_elements(self) -> None:
        """So does one with a great many small values."""
        value = {"rows": [{"a": number, "b": [number]} for number in range(8_000)]}
        self.keep(specimens.record(1, "generic", value, value))
        self.assertLess(len(self.ask(f"/x/{specimens.SID}/1?view=request").body), 1_500_000)


def hostile(seq: int, text: str) -> dict[str, Any]:
    """Return a record that says a text wherever it can."""
    text = text.replace("\ud800", "\ufffd")
    tool = {"name": text, "description": text, "input_schema": {text: text}}
    call = {
        "type": "tool_use",
        "id": text,
        "name": text,
        "input": {text: text, "command": text, "todos": [{"content": text}]},
    }
    told = {"type": "tool_result", "tool_use_id": text, "content": [{"type": "text", "text": text}], "is_error": True}
    body = {
        "system": text,
        "tools": [tool],
        "messages": [
            {"role": "user", "content": text},
            {"role": text, "content": [call]},
            {"role": "user", "content": [told]},
        ],
        text: text,
    }
    record = specimens.record(seq, "anthropic", body, {"content": [{"type": "text", "text": text}, call]})
    record["request"]["headers_raw"].append([text, text])
    record["request"]["path"] = text
    return {
        **record,
        "model": text,
        "response_model": text,
        "request_id": text,
        "stop_reason": text,
        "upstream": text,
        "outcome": "stream_error",
        "error": {"kind": text, "message": text},
        "client": dict.fromkeys(("name", "version", "agent", "parent_agent", "thread", "cwd", "account"), text),
        "capture": {"faults": [text], "redactions": 0, "dropped_bytes": 0},
    }
