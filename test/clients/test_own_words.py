"""Tests for `ccsproxy.clients.own_words`: in the shapes in which agents of 2026 send what a user said."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.own_words import one_line, own_words, text_result


class OwnWordsTests(SynchronousTestCase):
    """The user's words stay, the agent's go."""

    def test_added(self) -> None:
        """What agents put around or beside the user's words is left out."""
        for text, words in [
            ("fix the login bug", "fix the login bug"),
            ("<system-reminder>\nctx\n</system-reminder>\nfix it", "fix it"),
            ("<system-reminder>only", ""),
            ("<environment_context>\n  <cwd>/x</cwd>\n</environment_context>", ""),
            ("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\nbe kind\n</INSTRUCTIONS>", ""),
            ("<current_datetime>2026-11-30T10:00:00Z</current_datetime>\n\nadd a test", "add a test"),
            ("<current_datetime>now</current_datetime>\n\nadd a test\n\n<reminder>be brief</reminder>", "add a test"),
            ("<session_context>\nToday is Monday.\n</session_context>", ""),
            ("<task>\nfix the cart\n</task>\n\n# task_progress RECOMMENDED", "fix the cart"),
            ("<environment_details>\n# Visual Studio Code Visible Files\n</environment_details>", ""),
            ("<session>\nfix it\n</session>\n\nWrite the title in the language the user wrote in.", "fix it"),
            ("This session is being continued from a previous conversation that ran out of context. ...", ""),
            ("[Request interrupted by user for tool use]", ""),
            ("I have *added these files to the chat* so you can go ahead and edit them.\n\na.py", ""),
            ("What did we do so far?", ""),
            ("fix it\n\n# *SEARCH/REPLACE block* Rules:\n\nEvery *SEARCH/REPLACE block* must ...", "fix it"),
            ("[SYSTEM] This run is not complete until you call one of these terminal completion tools: x.", ""),
            ("# Context from my IDE setup:\n\n## Active file: a.py\n\n## My request for Codex:\nfix it\n", "fix it"),
            ("<context>\nThe current date is x.\n</context>\n<userRequest>\nfix it\n</userRequest>", "fix it"),
            ("<context>\nThe following items were attached by the user.\na.py\n</context>\n\nfix it", "fix it"),
            ("", ""),
        ]:
            self.assertEqual(own_words(text), words, text)

    def test_commands(self) -> None:
        """A command that the user typed is what the user said."""
        text = "<command-message>init</command-message>\n<command-name>/init</command-name>"
        self.assertEqual(own_words(text), "/init")
        self.assertEqual(own_words(text + "\n<command-args>all of it</command-args>"), "/init all of it")

    def test_markup_of_the_users(self) -> None:
        """Markup that the user wrote is not taken for the agent's."""
        for text in (
            "why does <context> break?",
            "use <a href='x'>this</a>",
            "<div><task>x</task></div> is wrong",
            "a < b",
        ):
            self.assertEqual(own_words(text), text)

    def test_text_results(self) -> None:
        """Some agents send the results of tools as the user's text."""
        self.assertEqual(text_result("[read_file for 'a.py'] Result:\nx = 1"), "x = 1")
        self.assertEqual(text_result("[execute_command for 'ls'] Result:"), "")
        self.assertIsNone(text_result("Result: good"))

    def test_lines(self) -> None:
        """A line is one line, and ends with an ellipsis where it is cut."""
        self.assertEqual(one_line("a\n  b\t c"), "a b c")
        self.assertEqual(one_line("a" * 500), "a" * 159 + "…")

    @given(st.lists(st.sampled_from(("a", "word", " ", "\n", "\t \n", "\u2003", "x" * 9)), max_size=120).map("".join))
    def test_only_the_beginning_is_read(self, text: str) -> None:
        """However its blanks fall, a line is that of twenty times its length of text."""
        plain = " ".join(text[:200].split())
        self.assertEqual(one_line(text, 10), plain if len(plain) <= 10 else plain[:9] + "…")
