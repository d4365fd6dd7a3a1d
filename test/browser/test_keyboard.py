"""The keyboard alone: every view can be reached and left by the keys that the help names."""

import re
from typing import Any

from test.browser.chrome import BrowserTestCase, expect, not_wanted


class KeyboardTests(BrowserTestCase):
    """Keys, without a mouse."""

    skip = not_wanted()

    def test_rows(self) -> None:
        """j and k move over the rows, Enter opens one, Esc leads back."""
        page = self.open()
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
        first = page.get_by_test_id("row").first.locator("a.open")
        expect(first).to_be_focused()
        page.keyboard.press("j")
        second = page.get_by_test_id("row").nth(1).locator("a.open")
        expect(second).to_be_focused()
        address = second.get_attribute("href")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(re.escape(address)))
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile(r":\d+/calls$"))
        expect(page.get_by_test_id("row").nth(1).locator("a.open")).to_be_visible()

    def arrives(self, page: Any, address: re.Pattern[str]) -> None:
        """Wait until a page is there and its script takes keys, which shows the button for the help."""
        expect(page).to_have_url(address)
        expect(page.locator("#help-button")).to_be_visible()

    def test_exchange(self) -> None:
        """Digits choose a tab, brackets walk through the session, p shows what the turn changed."""
        page = self.open("/x/5f1d8a52-claude/3")
        for number, view in (("2", "request"), ("3", "response"), ("4", "headers"), ("5", "raw")):
            page.keyboard.press(number)
            self.arrives(page, re.compile(f"view={view}"))
        page.keyboard.press("1")
        self.arrives(page, re.compile(r"/3(\?(?!.*view=raw).*)?$"))
        page.keyboard.press("]")
        self.arrives(page, re.compile("/x/5f1d8a52-claude/4"))
        page.keyboard.press("[")
        self.arrives(page, re.compile("/x/5f1d8a52-claude/3"))
        page.keyboard.press("p")
        self.arrives(page, re.compile("/diff/5f1d8a52-claude/2/3"))
        page.keyboard.press("Escape")
        expect(page).not_to_have_url(re.compile("/diff/"))

    def test_places(self) -> None:
        """g and a letter go to the places of the navigation; slash goes to the search."""
        page = self.open()
        for key, path in (("s", "/sessions"), ("o", "/overview"), ("c", "/calls")):
            page.keyboard.press("g")
            page.keyboard.press(key)
            self.arrives(page, re.compile(f":\\d+{path}$"))
        page.keyboard.press("/")
        expect(page.get_by_test_id("search")).to_be_focused()
        page.keyboard.type("sorting")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("row")).to_have_count(1)

    def test_help_and_theme(self) -> None:
        """The question mark opens the help and Esc closes it; t changes the theme."""
        page = self.open()
        page.keyboard.press("?")
        expect(page.get_by_test_id("help")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("help")).to_be_hidden()
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")

    def test_tab_order_starts_with_the_content(self) -> None:
        """The first Tab offers to skip the navigation, and what is in focus can be seen."""
        page = self.open()
        page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        expect(skip).to_be_focused()
        self.assertGreater(skip.bounding_box()["width"], 40)
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("location.hash"), "#main")

    def test_letters_in_fields_are_letters(self) -> None:
        """A key that is typed into a field does nothing else."""
        page = self.open()
        page.keyboard.press("/")
        page.keyboard.type("jkgs?t")
        expect(page.get_by_test_id("search")).to_have_value("jkgs?t")
        self.assertEqual(page.evaluate("document.documentElement.dataset.theme || 'system'"), "system")
