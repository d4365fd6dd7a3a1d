"""The smoke test that the whole suite runs: does the dashboard work in a browser at all?"""

from test.browser import stories
from test.browser.chrome import BrowserTestCase, expect, lacking
from test.browser.hostile import payloads


class SmokeTests(BrowserTestCase):
    """A service, its first page and an exchange."""

    skip = lacking()

    def test_first_page_and_exchange(self) -> None:
        """A call shows as a row, beside the list, and in full; nothing runs that was captured."""
        scene = self.own_scene()
        hostile = [stories.hostile_call([payload], f"hostile-{payload.number}") for payload in payloads(12)]
        scene.play([stories.claude_session()[2], *hostile])
        watched = self.watched(scene.api)
        page = watched.page()
        rows = page.get_by_test_id("row")
        expect(rows).to_have_count(1 + len(hostile))
        rows.last.locator("a.open").click()
        page.get_by_test_id("open-beside").click()
        page.wait_for_url("**/x/**")
        expect(page.locator("h1")).to_be_visible()
        self.assertEqual(watched.faults(), [])
