"""Tests of what a person sees before anything is recorded."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.facts import copy_button
from ccsproxy.dashboard.lists.newcomer import USUAL, newcomer, nothing_found
from test.dashboard.reading_page import shown


class NewcomerTests(SynchronousTestCase):
    """Commands that work, ready to be copied."""

    def commands(self, *upstreams: str, proxy: str = "http://127.0.0.1:9999/") -> list[str]:
        """Return the commands, each of which a button copies as it is shown."""
        page = shown(newcomer([proxy] if proxy else [], upstreams))
        found = [each.text for each in page.all("code", class_="command")]
        self.assertEqual([each.attributes["data-copy"] for each in page.all("button")], found)
        return found

    def test_the_default_needs_no_name(self) -> None:
        """The first upstream is the proxy itself, others are below it."""
        claude, codex, gemini, *_ = self.commands("openai", "anthropic", "gemini")[3:]
        self.assertIn("ANTHROPIC_BASE_URL=http://127.0.0.1:9999/anthropic _CLAUDE_CODE_ASSUME", claude)
        self.assertIn('openai_base_url="http://127.0.0.1:9999/v1"', codex)
        self.assertIn("GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:9999/gemini gemini", gemini)

    def test_the_way_that_changes_nothing_is_first(self) -> None:
        """An agent behind a base URL behaves otherwise than without us, started by us it does not."""
        self.assertEqual(self.commands("anthropic")[0], "ccsproxy claude")

    def test_names_that_upstreams_have_by_themselves(self) -> None:
        """What nobody gave a name is called by its host's, and is no missing one."""
        self.assertIn("GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:9999/google gemini",
                      self.commands("anthropic", "google")[5])  # fmt: skip
        self.assertNotIn("needs --upstream google", shown(newcomer([], ["anthropic", "google"])).text)

    def test_what_is_missing_is_named(self) -> None:
        """An upstream that the proxy does not have is said, with the option that brings it."""
        self.assertIn("needs --upstream openai=https://api.openai.com", shown(newcomer([], ["anthropic"])).text)
        self.assertIn("for --upstream https://api.openai.com", shown(newcomer([])).text)

    def test_unknown_proxy(self) -> None:
        """Then the usual address is named."""
        self.assertIn(USUAL, self.commands("anthropic", proxy="")[3])


class NothingTests(SynchronousTestCase):
    """When filters leave nothing."""

    def test_the_way_out(self) -> None:
        """It is one click; a button to copy is hidden until a script can."""
        self.assertEqual(shown(nothing_found()).one("a").attributes["href"], "/calls")
        self.assertIn("hidden", shown(copy_button("x", "it")).one("button").attributes)
