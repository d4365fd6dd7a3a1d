"""Every view, with captures of every dialect: it says what was said, and nothing goes wrong in the browser."""

import re

from test.browser import demo
from test.browser.chrome import BrowserTestCase, expect, not_wanted

VIEWS = ("overview", "request", "response", "headers", "raw")
#: Words of the request and of the answer that must be readable, by dialect.
SAID = {
    "anthropic": ("The header parser loses everything", "I'll look at the parser first."),
    "openai_responses": ("Why is CI red on main?", "gh run view"),
    "openai_chat": ("Revenue by month, please.", "date_trunc"),
    "gemini": ("Make the footer stick.", "position: sticky"),
    "ollama": ("Name three sorting algorithms.", "Merge sort, quicksort and heapsort."),
    "bedrock": ("Is the bucket public?", "No: public access is blocked."),
    "generic": ("round", "nested"),
}


class ViewTests(BrowserTestCase):
    """Each view of each dialect."""

    skip = not_wanted()

    def first(self, dialect: str) -> str:
        """Return the address of the first exchange of a dialect."""
        session = {"session": "5f1d8a52-claude"} if dialect == "anthropic" else {}
        found = self.scene().requests(dialect=dialect, **session)[-1]
        return f"/x/{found['session_id']}/{found['seq']}"

    def test_exchange(self) -> None:
        """Request and answer of every dialect are readable, and every view has its own address."""
        watched = self.watched()
        for dialect, (asked, answered) in SAID.items():
            for view in VIEWS:
                page = watched.page(f"{self.first(dialect)}?view={view}")
                self.assertEqual(page.locator("main h1").count(), 1, (dialect, view))
                text = readable(page)
                if view == "request":
                    self.assertIn(asked, text, dialect)
                if view == "response":
                    self.assertIn(answered, text, dialect)
                if view == "headers":
                    self.assertIn("user-agent", text.lower(), dialect)
                self.assertEqual(watched.faults(page), [], (dialect, view))
                page.close()

    def test_secrets_are_not_shown(self) -> None:
        """No view shows a key that a client sent."""
        watched = self.watched()
        for view in VIEWS:
            page = watched.page(f"{self.first('anthropic')}?view={view}")
            self.assertNotIn("sk-ant-api03-000", page.content(), view)
            page.close()

    def test_session(self) -> None:
        """The conversation is there from first to last turn, with its sub-agent, and the turns lead to exchanges."""
        watched = self.watched()
        page = watched.page("/s/5f1d8a52-claude")
        text = readable(page)
        for words in ("The header parser loses everything", "agent-callers", "All 48 tests pass.", "headerkit"):
            self.assertIn(words, text)
        self.assertGreaterEqual(page.locator("a[href^='/x/5f1d8a52-claude/']").count(), 7)

    def test_sessions(self) -> None:
        """The list of sessions names each by its first prompt and leads to it."""
        page = self.open("/sessions")
        page.get_by_role("link", name=re.compile("The header parser loses")).first.click()
        expect(page).to_have_url(re.compile("sel=5f1d8a52-claude"))
        page.get_by_test_id("open-beside").click()
        expect(page).to_have_url(re.compile("/s/5f1d8a52-claude"))

    def test_difference(self) -> None:
        """What a turn added is marked as added."""
        page = self.open("/diff/5f1d8a52-claude/2/3")
        text = readable(page)
        self.assertIn("partition", text)
        self.assertGreater(page.locator("ins, .added, .add, [data-change=added]").count(), 0)

    def test_overview(self) -> None:
        """Models, upstreams and charts made on the server are there."""
        scene = self.own_scene(prepare=demo.fill)
        # Written there before the service began, whose recorder makes the index when it is ready.
        scene.until(lambda: not scene.get("/api/requests")["rebuilding"] and scene.count(), "the index")
        for by, words in (
            ("model", ("claude-sonnet-5", "gpt-5.2-codex")),
            ("upstream", ("deepseek",)),
            ("project", ("/home/mira/headerkit",)),
        ):
            page = self.open(f"/overview?by={by}", home=scene.api)
            text = readable(page)
            for each in words:
                self.assertIn(each, text)
        self.assertGreater(page.locator("main svg").count(), 0)

    def test_unknown_addresses(self) -> None:
        """What is not there is said on a page, with a way back."""
        watched = self.watched()
        watched.expected = ("404",)
        for path in ("/x/nobody/1", "/s/nobody", "/diff/nobody/1/2", "/nothing/here", "/x/5f1d8a52-claude/999"):
            page = watched.page(path)
            expect(page.locator("main h1")).to_be_visible()
            self.assertGreater(page.locator("main a[href='/sessions']").count(), 0, path)

    def test_exports(self) -> None:
        """Every export that an exchange and a session offer is answered."""
        watched = self.watched()
        for path in (self.first("anthropic"), "/s/5f1d8a52-claude"):
            page = watched.page(path)
            links = page.locator("a[href^='/api/export/']")
            addresses = [links.nth(n).get_attribute("href") for n in range(links.count())]
            self.assertGreaterEqual(len(addresses), 3, path)
            for address in addresses:
                answer = watched.context.request.get(watched.home + address)
                self.assertEqual(answer.status, 200, address)
                self.assertGreater(len(answer.body()), 100, address)

    def test_exported_page_stands_alone(self) -> None:
        """The HTML export needs nothing beside itself."""
        watched = self.watched()
        for which in ("5f1d8a52-claude/3", "5f1d8a52-claude"):
            page = watched.context.new_page()
            answer = watched.context.request.get(f"{watched.home}/api/export/{which}?format=html")
            self.assertEqual(answer.status, 200, which)
            page.set_content(answer.text())
            self.assertIn("partition", page.locator("body").inner_text())


def readable(page: object) -> str:
    """Unfold everything and return the text that is shown."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")  # type: ignore[attr-defined]
    return str(page.locator("body").inner_text())  # type: ignore[attr-defined]
