"""A session that is watched while it goes on: steps appear by themselves, and nothing stutters."""

import json
import threading
import time
from typing import Any

from test.browser import stories
from test.browser.chrome import BrowserTestCase, expect, not_wanted
from test.browser.mock_upstream import PATIENCE
from test.browser.scene import Call, Scene
from test.browser.wires import anthropic

SID = "live-session"
#: Milliseconds of processor time in one task beyond which a person feels it: what the page itself takes, whatever
#: else the machine does meanwhile.
LONG_MS = 50
#: Calls a second; each is at least two events.
RATE, SECONDS = 26, 5
#: The category of Chromium's trace that tells of every task.
TASKS = "disabled-by-default-devtools.timeline"


def turns(count: int) -> list[Call]:
    """Make a conversation of some steps, each of which sends all before it."""
    first = stories.claude_session(SID)[0]
    messages: list[Any] = [{"role": "user", "content": "Count the colons, one file at a time."}]
    calls = []
    for number in range(1, count + 1):
        use = {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": "Read",
            "input": {"file_path": f"/src/{number}.py"},
        }
        said = {"type": "text", "text": f"File {number} is next."}
        usage = {"input_tokens": 5, "output_tokens": 40, "cache_read_input_tokens": 900 * number}
        message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                   "content": [said, use], "stop_reason": "tool_use", "usage": usage}  # fmt: skip
        body = {**first.body, "messages": list(messages)}
        calls.append(Call(first.path, body, anthropic(message), first.headers))
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": f"{number} colons\n" * 40}
        messages += [{"role": "assistant", "content": [said, use]}, {"role": "user", "content": [result]}]
    return calls


class LiveSessionTests(BrowserTestCase):
    """The page of a session that goes on."""

    skip = not_wanted()

    def begun(self, scene: Scene, calls: list[Call], **options: Any) -> Any:
        scene.send(calls[0])
        scene.until(lambda: scene.count() == 1, "the first record")
        page = self.open(f"/s/{SID}?from=end", home=scene.api, **options)
        expect(page.locator("#live")).to_have_text("live")
        expect(page.get_by_test_id("step")).to_have_count(1)
        return page

    def test_steps_appear(self) -> None:
        """A step appears without a reload, with the sums above; what is unfolded stays so."""
        scene = self.own_scene()
        calls = turns(4)
        page = self.begun(scene, calls)
        page.evaluate("globalThis.__same = true")
        page.get_by_test_id("tool").first.locator("summary").first.click()
        for call in calls[1:]:
            scene.send(call)
        expect(page.get_by_test_id("step")).to_have_count(4)
        expect(page.get_by_test_id("totals")).to_contain_text("4 calls")
        expect(page.get_by_test_id("tool").first).to_have_attribute("open", "")
        expect(page.locator("#step-1")).to_contain_text("40 lines")
        self.assertTrue(page.evaluate("globalThis.__same"))

    def test_a_chip_counts_what_is_below(self) -> None:
        """Scrolled away, a chip says how many steps are new, and leads to the first of them."""
        scene = self.own_scene()
        calls = turns(14)
        page = self.begun(scene, calls, viewport={"width": 1440, "height": 500})
        for call in calls[1:11]:
            scene.send(call)
        expect(page.get_by_test_id("step")).to_have_count(11)
        page.locator("#main").evaluate("each => { each.scrollTop = 0; }")
        for call in calls[11:]:
            scene.send(call)
        chip = page.get_by_test_id("new-steps")
        expect(chip).to_have_text("3 new")
        self.assertEqual(page.locator("#main").evaluate("each => each.scrollTop"), 0)
        chip.click()
        expect(page.locator("#step-12")).to_be_in_viewport()
        expect(chip).to_be_hidden()

    def test_no_stutter(self) -> None:
        """Under 50 events a second no task keeps the page from answering for long."""
        scene = self.own_scene()
        calls = turns(RATE * SECONDS)
        page = self.begun(scene, calls)
        browser = page.context.browser
        browser.start_tracing(page=page, categories=[TASKS])
        sending = threading.Thread(target=_send, args=(scene, calls[1:]), daemon=True)
        begun = time.monotonic()
        sending.start()
        while sending.is_alive() and time.monotonic() - begun < PATIENCE:
            page.wait_for_timeout(200)
        took = time.monotonic() - begun
        expect(page.get_by_test_id("totals")).to_contain_text(f"{len(calls)} calls")
        found = _long_tasks(browser.stop_tracing())
        print(f"{2 * (len(calls) - 1) / took:.0f} events a second; tasks over {LONG_MS} ms: {found}")
        self.assertEqual(found, [])


def _long_tasks(trace: bytes) -> list[float]:
    """Return the milliseconds of processor time of each long task of a page's main thread."""
    events = json.loads(trace)["traceEvents"]
    main = {(each["pid"], each["tid"]) for each in events if each.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [each for each in events if each["name"] == "RunTask" and (each["pid"], each["tid"]) in main]
    if not tasks:
        raise AssertionError("the browser told of no task")
    return [round(each["tdur"] / 1000, 1) for each in tasks if each.get("tdur", 0) > 1000 * LONG_MS]


def _send(scene: Scene, calls: list[Call]) -> None:
    begun = time.monotonic()
    for number, call in enumerate(calls):
        scene.send(call)
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
