"""The workspace: what is selected beside its list, one keyboard, addresses that lead back to the same place."""

import functools
import re
from pathlib import Path
from typing import Any

from test.browser.chrome import BrowserTestCase, expect, not_wanted
from test.browser.scene import Scene
from test.insight.stored import store_world
from test.insight.world import MAIN, make_world

WIDE = {"width": 1440, "height": 900}


def fill(data_dir: Path) -> None:
    """Put the generated days into a data dir."""
    store_world(data_dir, make_world().records)


@functools.cache
def world_scene() -> Scene:
    """Start a service over the generated days, once."""
    import atexit

    scene = Scene("--retain-days", "0", "--retain-size", "0", prepare=fill)
    atexit.register(scene.close)
    return scene


class WorldCase(BrowserTestCase):
    """A test over the generated days, 160 calls of five programs."""

    skip = not_wanted()

    def scene(self) -> Scene:
        return world_scene()

    def open(self, path: str = "/calls", home: str = "", **options: Any) -> Any:
        return super().open(path, home, **{"viewport": WIDE, **options})


class ListTests(WorldCase):
    """Lists: sorted, summed up, beside what is selected."""

    def test_beside(self) -> None:
        """A click shows a call beside the list and has an address; j follows, Back and Esc close it."""
        page = self.open()
        row = page.get_by_test_id("row").nth(3)
        row.locator("td.what").click()
        beside = page.get_by_test_id("beside")
        expect(beside.get_by_test_id("why")).to_be_visible()
        expect(page).to_have_url(re.compile("sel="))
        self.assertIn(row.get_attribute("data-key"), page.url.replace("%2F", "/"))
        page.keyboard.press("j")
        following = page.get_by_test_id("row").nth(4).get_attribute("data-key")
        expect(beside.locator(".told").first).to_contain_text(f"#{following.rpartition('/')[2]} ")
        page.go_back()
        expect(beside).to_be_hidden()
        page.keyboard.press("o")
        expect(beside).to_be_visible()
        page.keyboard.press("Escape")
        expect(beside).to_be_hidden()
        expect(page).not_to_have_url(re.compile("sel="))

    def test_the_way_back(self) -> None:
        """From a call opened in full, Esc leads to the same row of the list, where it was scrolled to."""
        page = self.open("/calls?q=sort:-cost")
        main = page.locator("#main")
        row = page.get_by_test_id("row").nth(40)
        row.scroll_into_view_if_needed()
        row.locator("td.what").click()
        page.get_by_test_id("beside").get_by_test_id("open-beside").wait_for()
        at = main.evaluate("each => each.scrollTop")
        self.assertGreater(at, 200)
        page.get_by_test_id("open-beside").click()
        expect(page).to_have_url(re.compile("/x/"))
        for key, view in (("2", "request"), ("5", "raw")):
            page.keyboard.press(key)
            expect(page).to_have_url(re.compile(f"view={view}"))
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile(r"/calls\?q=sort"))
        expect(page.locator("tr.selected")).to_be_in_viewport()
        self.assertAlmostEqual(main.evaluate("each => each.scrollTop"), at, delta=4)

    def test_sorting(self) -> None:
        """Every column sorts on the server, once more the other way; the sums are those of what is filtered."""
        page = self.open()
        for name, title in (("cost", "Cost"), ("duration", "Duration"), ("prompt", "Prompt"), ("model", "Model")):
            head = page.locator(f"th.{name}")
            head.get_by_role("link", name=title).click()
            expect(head).to_have_attribute("aria-sort", re.compile("ending"))
        page.goto(f"{self.scene().api}/calls?q=sort:-cost+session:{MAIN}")
        dearest = self.scene().requests(session=MAIN)
        dearest.sort(key=lambda each: -(each["cost"] or 0))
        keys = page.get_by_test_id("row").evaluate_all("rows => rows.map(row => row.dataset.key)")
        self.assertEqual(keys[:5], [f"{MAIN}/{each['seq']}" for each in dearest[:5]])
        sums = page.locator("#sums").inner_text()
        self.assertIn(f"{len(dearest)} calls", sums)
        self.assertIn("without a price" if "without" in sums else "unknown cost", sums)

    def test_columns_are_kept(self) -> None:
        """A column that is left out stays out, in this browser."""
        page = self.open()
        expect(page.locator("th.ttft")).to_be_visible()
        page.locator("#columns summary").click()
        page.locator("#columns input[data-column=calls-ttft]").uncheck()
        expect(page.locator("th.ttft")).to_be_hidden()
        page.reload()
        expect(page.locator("th.ttft")).to_be_hidden()
        page.locator("#columns summary").click()
        page.locator("#columns input[data-column=calls-ttft]").check()
        expect(page.locator("td.ttft").first).to_be_visible()

    def test_a_search_lands_on_its_words(self) -> None:
        """What was searched for is marked beside the list and in the call, and folded texts open over it."""
        page = self.open("/calls?q=%22cat+.env%22")
        page.get_by_test_id("row").first.locator("td.what").click()
        beside = page.get_by_test_id("beside")
        expect(beside.locator("mark#hit")).to_be_in_viewport()
        expect(beside.locator("mark#hit")).to_have_text(re.compile("cat .env"))
        page.get_by_test_id("open-beside").click()
        expect(page).to_have_url(re.compile("/x/.*q="))
        expect(page.locator("mark#hit")).to_be_in_viewport()
        page.keyboard.press("3")
        expect(page.locator("mark#hit")).to_be_in_viewport()

    def test_a_call_is_dropped_on_another(self) -> None:
        """What the one changed against the other is shown, the earlier of a session first, whichever was dragged."""
        page = self.open(f"/calls?q=session:{MAIN}")
        page.get_by_test_id("row").nth(2).locator("td.what").click()
        target = page.get_by_test_id("drop-beside")
        target.wait_for()
        keys = [page.get_by_test_id("row").nth(at).get_attribute("data-key") for at in (2, 5)]
        page.get_by_test_id("row").nth(5).locator("a.open").drag_to(target)
        expect(page).to_have_url(re.compile("/diff\\?"))
        later, earlier = (str(key).replace("/", "%2F") for key in keys)
        self.assertIn(f"a={earlier}&b={later}", page.url)
        expect(page.get_by_test_id("summary")).to_be_visible()

    def test_sums_of_a_search_come_later(self) -> None:
        """The rows do not wait for them; the script puts them in their place."""
        page = self.open("/calls?q=refund")
        expect(page.get_by_test_id("sum-cost")).to_be_visible()
        self.assertGreater(page.get_by_test_id("row").count(), 0)

    def test_completion(self) -> None:
        """Fields and their values are completed as one types; a wrong field is said to be one."""
        watched = self.watched(viewport=WIDE)
        page = watched.page("/calls")
        page.keyboard.press("/")
        page.keyboard.type("out")
        page.locator("#completions li", has_text="outcome:").wait_for()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#completions li[aria-selected=true]")).to_have_count(1)
        page.get_by_test_id("search").fill("model:opu")
        option = page.locator("#completions li", has_text="claude-opus-5-5").first
        option.click()
        expect(page.get_by_test_id("search")).to_have_value(re.compile("model:claude-opus-5-5 "))
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("chips")).to_contain_text("model:claude-opus-5-5")
        watched.expected = ("400",)
        page.goto(f"{watched.home}/calls?q=modle:opus")
        expect(page.locator("main")).to_contain_text("did you mean model")

    def test_sessions(self) -> None:
        """A session stands beside its list with findings and turns; two clicks lead to its dearest turn."""
        page = self.open("/sessions")
        page.locator("th.cost a").click()
        first = page.get_by_test_id("session-row").first
        expect(first).to_contain_text("Twice refunded")
        first.locator("td.what").click()
        beside = page.get_by_test_id("beside")
        expect(beside.get_by_test_id("findings")).to_contain_text("cache misses cost")
        beside.locator(".outline a").nth(4).click()
        expect(page).to_have_url(re.compile("#turn-5"))
        expect(page.locator("#turn-5 h2")).to_be_in_viewport()


class SessionTests(WorldCase):
    """A session, and what people write on it."""

    def test_conversation(self) -> None:
        """Steps show call and result as one item, sub-agents and retries folded; images come out of the record."""
        page = self.open(f"/s/{MAIN}")
        expect(page.get_by_test_id("turn")).to_have_count(12)
        tool = page.locator("#step-3").get_by_test_id("tool")
        tool.locator("summary").first.click()
        expect(tool.locator(".code").last).to_be_visible()
        agents = page.get_by_test_id("agent")
        self.assertEqual(agents.count(), 2)
        expect(page.get_by_test_id("retries").first).to_contain_text("529 twice")
        image = page.locator("img.shown").first
        image.scroll_into_view_if_needed()
        self.assertGreater(image.evaluate("each => each.naturalWidth"), 10)
        page.locator("svg.linked a").nth(10).dispatch_event("click")
        expect(page).to_have_url(re.compile(r"#step-\d+"))

    def test_jumps_and_beside(self) -> None:
        """Digits jump to the costliest and other steps; a step's call stands beside."""
        page = self.open(f"/s/{MAIN}")
        page.keyboard.press("1")
        expect(page).to_have_url(re.compile("#step-37"))
        step = page.locator("#step-37")
        expect(step.locator(".step-head")).to_be_in_viewport()
        step.get_by_test_id("to-exchange").click()
        expect(page.get_by_test_id("beside").get_by_test_id("why")).to_contain_text("written to the cache")
        expect(page).to_have_url(re.compile("call=37"))
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile("/sessions"))

    def test_annotations(self) -> None:
        """A star, tags and a note are kept, found by the query language, and shown."""
        page = self.open(f"/x/{MAIN}/22")
        page.keyboard.press("s")
        expect(page.get_by_test_id("star")).to_have_attribute("aria-pressed", "true")
        page.locator(".annotate summary").click()
        page.get_by_label("Tags, by spaces").fill("cache mcp")
        page.get_by_label("Note", exact=True).fill("linear joined <b>here</b>")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#annotation-said")).to_have_text("Kept.")
        page.reload()
        expect(page.get_by_test_id("note-text")).to_have_text("linear joined <b>here</b>")
        expect(page.get_by_test_id("star")).to_have_attribute("aria-pressed", "true")
        page.goto(f"{self.scene().api}/calls?q=tag:mcp+starred:yes")
        expect(page.get_by_test_id("row")).to_have_count(1)

    def test_curl_is_copied(self) -> None:
        """One click copies the call as a command."""
        watched = self.watched(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
        page = watched.page(f"/x/{MAIN}/22")
        page.get_by_test_id("curl").click()
        expect(page.get_by_test_id("curl")).to_have_text("Copied")
        self.assertIn("curl", page.evaluate("navigator.clipboard.readText()"))

    def test_any_two_calls(self) -> None:
        """A call can be compared with one of another session."""
        page = self.open(f"/x/{MAIN}/22")
        page.get_by_test_id("to-compare").click()
        page.locator("#compare-a").fill(f"{self.scene().api}/x/1f9b22aa-0000-4000-8000-000000000000/4?view=raw")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_test_id("summary")).to_be_visible()
