"""Tests of requests and answers as conversations."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.messages import FEW, place_for, show_message, show_params, show_system, show_tools
from ccsproxy.dialects.views.view import Block, Message, Tool
from test.dashboard.reading_page import shown

SAID = Block(kind="text", text="hello")


class MessagesTests(SynchronousTestCase):
    """Who says what, and with which tools."""

    def setUp(self) -> None:
        self.place = Place(RenderBudget())

    def test_places_know_what_answers_what(self) -> None:
        """The names of calls by their ids, and the ids that have a result; a call without an id has neither."""
        call, nameless = Block(kind="tool_call", id="1", name="Read"), Block(kind="tool_call", name="Bash")
        result = Message("user", (Block(kind="tool_result", id="1"),))
        place = place_for([Message("assistant", (call, nameless)), result], self.place)
        self.assertEqual((place.names, place.answered), ({"1": "Read"}, frozenset({"1"})))

    def test_roles(self) -> None:
        """Each role is named, one that nobody knows as it is called; tones are three."""
        for role, said, tone in (
            ("user", "User", "user"),
            ("model", "Model", "assistant"),
            ("developer", "Developer", "system"),
            ("critic", "critic", "user"),
            ("", "Message", "user"),
        ):
            page = shown(show_message(Message(role, (SAID,)), self.place, "note"))
            self.assertEqual(page.one("h3").text, said)
            self.assertEqual(page.one("article").attributes["class"], f"message {tone}")
            self.assertIn("note", page.one("header").text)

    def test_nothing_said(self) -> None:
        """A message without blocks says so; parts without content are not there at all."""
        self.assertIn("empty", shown(show_message(Message("user"), self.place)).text)
        self.assertEqual(
            [show_system((), self.place), show_tools((), self.place), show_params({}, self.place)], [None] * 3
        )

    def test_tools(self) -> None:
        """Each is a fold with its first line; with no more room for elements the others are left out."""
        tools = [Tool("Read", "Reads.\nMore.", {"type": "object"}), Tool("", "", None)]
        page = shown(show_tools(tools, self.place))
        heads = [each.text for each in page.all("summary")]
        self.assertEqual(heads, ["Read  Reads.", "unnamed  "])
        self.assertIn("no schema", page.text)
        scarce = show_tools(tools, Place(RenderBudget(elements=1)))
        self.assertEqual(len(shown(scarce).all("details")), 1)

    def test_many_tools(self) -> None:
        """They are folded behind the names of the first, so that what was said is near."""
        page = shown(show_tools([Tool(f"t{n}", "", None) for n in range(FEW + 2)], self.place))
        self.assertEqual(page.all("summary")[0].text, "t0, t1, t2, t3, t4, t5, t6, t7 and 2 more")
        self.assertEqual(len(page.all("details")), FEW + 3)
