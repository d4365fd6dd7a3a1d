"""Tests of the input of tool calls."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.tool_input import tool_input
from test.dashboard.reading_page import Element, misdeeds, shown
from test.effort import effort


class ToolInputTests(SynchronousTestCase):
    """A tool's input as its kind wants to be read."""

    def input(self, value: object) -> Element:
        """Show an input alone on a page."""
        return shown(tool_input(value, RenderBudget()))

    def test_edits_are_differences(self) -> None:
        """Whatever the two texts are called; a single one is a text, and the file stays a fact."""
        for before, after in (("old_string", "new_string"), ("old_str", "new_str"), ("old", "new")):
            page = self.input({"path": "a.py", before: "x = 1", after: "x = 2"})
            self.assertEqual([each.text for each in page.all("span", class_="removed")], ["- x = 1\n"])
            self.assertEqual([each.text for each in page.all("dt")], ["path"])
        self.assertEqual(self.input({"old_string": "x"}).all("span", class_="removed"), [])

    def test_tasks_are_a_list(self) -> None:
        """With their states; something else of that name is data."""
        page = self.input({"todos": [{"content": "test", "status": "in_progress"}]})
        self.assertEqual([each.text for each in page.all("li")], ["in progresstest"])
        self.assertEqual(self.input({"todos": [{"title": "x"}]}).all("ul", class_="todo"), [])
        self.assertEqual(self.input({"todos": []}).all("ul", class_="todo"), [])

    def test_other_inputs(self) -> None:
        """Nothing is said to be nothing; a text is code; anything else a tree."""
        self.assertIn("no input", self.input({}).text)
        self.assertEqual(self.input("ls -l").one("pre").text, "ls -l")
        self.assertIn("1", self.input([1]).text)

    def test_commands_have_colours(self) -> None:
        """A command is code of a shell, however short."""
        self.assertTrue(self.input({"command": "cd /tmp"}).all("pre", class_="code"))
        self.assertFalse(self.input({"pattern": "cd /tmp"}).all("pre", class_="code"))

    @settings(max_examples=effort(30), deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(["old_string", "new_string", "todos", "command", "x"]),
            st.none() | st.text() | st.lists(st.dictionaries(st.just("content"), st.text())),
        )
    )
    def test_any_input(self, value: object) -> None:
        """Whatever a model calls a tool with is shown, and does nothing."""
        self.assertEqual(misdeeds(self.input(value)), [])
