"""The live list: calls are there while they happen, without a reload."""

import threading
from typing import Any

from test.browser import stories
from test.browser.chrome import BrowserTestCase, expect, expecting, not_wanted
from test.browser.mock_upstream import PATIENCE
from test.browser.scene import Call


def held(gate: threading.Event, session: str = "held") -> Call:
    """Make a call whose answer stops after its first event until the gate is opened."""
    call = stories.claude_session(session)[0]
    reply = stories.Reply(call.reply.pieces, headers=call.reply.headers, gate=gate)
    return Call(call.path, call.body, reply, call.headers)


class LiveTests(BrowserTestCase):
    """Rows appear when a call begins, run a clock, and are filled in when it ends."""

    skip = not_wanted()

    def test_row_lives(self) -> None:
        """An empty page becomes a list; a row in flight has a running clock and then its figures."""
        scene = self.own_scene()
        page = self.open(home=scene.api)
        expect(page.get_by_test_id("newcomer")).to_be_visible()
        page.evaluate("globalThis.__same = true")
        gate = threading.Event()
        self.addCleanup(gate.set)
        calling = scene.begin(held(gate))
        row = page.get_by_test_id("row")
        expect(row).to_have_count(1)
        expect(page.get_by_test_id("newcomer")).to_have_count(0)
        expect(row.locator(".badge")).to_contain_text("In flight")
        expect(page.locator("#in-flight")).to_have_text("1")
        clock = row.locator("[data-field=duration]")
        before = clock.inner_text()
        expect(clock).not_to_have_text(before)
        gate.set()
        calling.join(PATIENCE)
        expect(row.locator(".badge")).to_contain_text("Complete")
        expect(row.locator("[data-field=output]")).to_have_text("151")
        expect(row.locator("[data-field=what]")).to_contain_text("The header parser loses")
        expect(row.locator("[data-field=cost]")).to_contain_text("$")
        self.assertTrue(page.evaluate("globalThis.__same"), "the page was loaded again")
        row.locator("a.open").click()
        expect(page.locator("main h1")).to_be_visible()

    def test_rows_of_many_kinds(self) -> None:
        """Calls of every dialect come in while the page is open; errors are marked, the newest is on top."""
        scene = self.own_scene()
        page = self.open(home=scene.api)
        calls = stories.every_dialect()
        for call in calls:
            scene.send(call)
        scene.until(lambda: scene.count() == len(calls), "the records")
        rows = page.get_by_test_id("row")
        expect(rows).to_have_count(len(calls))
        expect(page.locator("tr.bad")).to_have_count(1)
        expect(rows.first.locator(".badge")).to_contain_text("529")
        live = [rows.nth(n).locator("a.open").get_attribute("href") for n in range(len(calls))]
        # The server's own list is the same.
        page.reload()
        written = [rows.nth(n).locator("a.open").get_attribute("href") for n in range(len(calls))]
        self.assertEqual(live, written)

    def test_hanging_call_is_shown(self) -> None:
        """A page opened while a call hangs shows it, by the server's own list or by its live events."""
        scene = self.own_scene()
        gate = threading.Event()
        self.addCleanup(gate.set)
        calling = scene.begin(held(gate))
        scene.until(lambda: scene.get("/api/health")["in_flight"] == 1, "the call")
        page = self.open(home=scene.api)
        expect(page.locator("tr.run")).to_have_count(1)
        gate.set()
        calling.join(PATIENCE)
        expect(page.locator("tr.run")).to_have_count(0)
        expect(page.get_by_test_id("row")).to_have_count(1)

    def test_burst_while_hidden(self) -> None:
        """A tab that comes to the front again shows every call of a burst, and how the one in flight has ended."""
        scene = self.own_scene()
        page = self.open(home=scene.api)
        expect(page.locator("#live")).to_have_text("live")
        gate = threading.Event()
        self.addCleanup(gate.set)
        calling = scene.begin(held(gate))
        expect(page.locator("tr.run")).to_have_count(1)
        set_hidden = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        set_hidden += " document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(set_hidden, True)
        gate.set()
        calling.join(PATIENCE)
        call = stories.claude_session("burst")[0]
        for _ in range(90):
            scene.send(call)
        scene.until(lambda: scene.count() == 91, "the records")
        expect(page.get_by_test_id("row")).to_have_count(1)
        page.evaluate(set_hidden, False)
        expect(page.get_by_test_id("row")).to_have_count(91)
        expect(page.locator("tr.run")).to_have_count(0)
        numbers = page.locator("#rows > tr").evaluate_all("rows => rows.map(row => row.dataset.key)")
        self.assertEqual(numbers, [f"burst/{number}" for number in range(90, 0, -1)] + ["held/1"])

    def test_refused_stream(self) -> None:
        """A page whose stream was refused, as too many are read, says so and comes back for it."""
        scene = self.own_scene()
        watched = self.watched(home=scene.api)
        page = watched.page("/calls")
        refused: list[str] = []

        def refuse(route: Any) -> None:
            refused.append(route.request.url)
            route.fulfill(status=503, body="{}") if len(refused) == 1 else route.continue_()

        page.route("**/api/stream", refuse)
        live = page.locator("#live")
        with expecting(watched, "status of 503"):
            page.reload()
            expect(live).to_have_text("reconnecting")
        expect(live).to_have_text("live")
        self.assertEqual(len(refused), 2)
        scene.send(stories.claude_session("late")[0])
        expect(page.get_by_test_id("row")).to_have_count(1)

    def test_a_service_that_goes_down(self) -> None:
        """A page that stays open says that nobody answers, also one that shows nothing live."""
        scene = self.own_scene()
        watched = self.watched(home=scene.api)
        pages = [watched.page(path) for path in ("/calls", "/prompts")]
        for page in pages:
            expect(page.locator("#away")).to_be_hidden()
        with expecting(watched, "ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"):
            scene.close()
            for page in pages:
                page.bring_to_front()
                expect(page.locator("#away")).to_have_text("ccsproxy does not answer")
                expect(page.locator("#away")).to_be_visible()

    def test_search_and_filters(self) -> None:
        """Search finds words of prompts and answers; a filter narrows the list, has an address, can be taken off."""
        page = self.open()
        page.get_by_test_id("search").fill("date_trunc")
        page.get_by_test_id("search").press("Enter")
        expect(page.get_by_test_id("row")).to_have_count(1)
        self.assertIn("q=date_trunc", page.url)
        page.get_by_test_id("search").fill("no such words anywhere")
        page.get_by_test_id("search").press("Enter")
        expect(page.get_by_test_id("nothing")).to_be_visible()
        page.goto(self.scene().api + "/calls")
        filters = page.get_by_test_id("filters")
        filters.locator("summary").click()
        filters.locator("#filter-outcome").select_option("http_error")
        filters.get_by_role("button", name="Apply").click()
        expect(page.get_by_test_id("row")).to_have_count(1)
        expect(page.get_by_test_id("row").locator(".badge")).to_contain_text("529")
        page.get_by_label("Remove filter Outcome").click()
        expect(page.get_by_test_id("row")).to_have_count(len(stories.every_dialect()))

    def test_filters_by_each_field(self) -> None:
        """Each value that a filter offers leaves at least one row."""
        watched = self.watched()
        page = watched.page()
        page.get_by_test_id("filters").locator("summary").click()
        selects = page.locator(".filters select")
        for n in range(selects.count()):
            name = selects.nth(n).get_attribute("name")
            options = selects.nth(n).locator("option")
            value = options.nth(1).get_attribute("value") if options.count() > 1 else None
            if value:
                other = watched.context.new_page()
                other.goto(f"{watched.home}/calls?{name}={value}")
                self.assertGreater(other.get_by_test_id("row").count(), 0, (name, value))
                other.close()
