"""Tests of the pieces of a message, each as what it is."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.blocks import FOLD, Place, breakpoint_mark, long_text, picture_of, show_block
from ccsproxy.dashboard.html.budget import IN_TEXT, RenderBudget
from ccsproxy.dialects.views.view import Block
from test.dashboard.reading_page import Element, shown

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(30)).decode()


class BlockTests(SynchronousTestCase):
    """A block in the form of its kind."""

    def block(self, block: Block, **more: object) -> Element:
        """Show a block alone on a page."""
        return shown(show_block(block, Place(RenderBudget(), **more)))  # type: ignore[arg-type]

    def test_calls_and_results_lead_to_one_another(self) -> None:
        """Only where both are on the page: a call without its result has no link."""
        call, result = Block(kind="tool_call", id="a b", name="Read"), Block(kind="tool_result", id="a b")
        paired = {"names": {"a b": "Read"}, "answered": frozenset({"a b"})}
        self.assertEqual(self.block(call, **paired).one("a").attributes["href"], "#result-ab")
        self.assertEqual(self.block(result, **paired).one("a").attributes["href"], "#call-ab")
        self.assertEqual(self.block(call).all("a"), [])
        self.assertEqual(self.block(call, anchors=False, **paired).all(id="call-ab"), [])

    def test_a_failed_result_says_so(self) -> None:
        """In words, and as a class of its own."""
        block = self.block(Block(kind="tool_result", is_error=True))
        self.assertIn("failed", block.text)
        self.assertTrue(block.all("div", class_="block result failed"))

    def test_hidden_thoughts(self) -> None:
        """A thought without text says that the provider hides it, and how large it is where that is known."""
        self.assertIn("hidden by the provider, 1.2 KB", self.block(Block(kind="thinking", size=1200)).text)
        self.assertNotIn(",", self.block(Block(kind="thinking")).text)

    def test_unknown_kinds_are_shown_as_data(self) -> None:
        """Nothing is left out because nobody knows its form."""
        self.assertIn("deep", self.block(Block(kind="hologram", value={"deep": 1})).text)

    def test_long_texts_are_folded_and_cut(self) -> None:
        """Beyond a length a text is folded, beyond the room it is cut, and how much is missing is said."""
        place = Place(RenderBudget(), whole="/all")
        self.assertEqual(shown(long_text("x" * FOLD, place)).all("details"), [])
        self.assertEqual(len(shown(long_text("x" * (FOLD + 1), place)).all("details")), 1)
        cut = shown(long_text("x" * (IN_TEXT + 7), place))
        self.assertIn("7 characters not shown here", cut.text)
        self.assertEqual(cut.all("a")[-1].attributes["href"], "/all")

    def test_breakpoints(self) -> None:
        """A mark of the prompt cache is said beside whatever it is on."""
        self.assertIn("cache breakpoint", self.block(Block(kind="text", text="x", cache_breakpoint=True)).text)
        self.assertIsNone(breakpoint_mark(Block(kind="text")))


class PictureTests(SynchronousTestCase):
    """Images out of a record."""

    def test_by_what_it_is(self) -> None:
        """A PNG is shown whatever it calls itself; SVG, which may hold scripts, and broken base64 are not."""
        place = Place(RenderBudget())
        named = Block(kind="image", media_type="image/svg+xml", data=PNG)
        self.assertIn("data:image/png", shown(picture_of(named, "x", place)).one("img").attributes["src"] or "")
        for data in (base64.b64encode(b"<svg onload=x>").decode(), PNG + '"', ""):
            self.assertIsNone(picture_of(Block(kind="image", media_type="image/png", data=data), "x", place))

    def test_no_room(self) -> None:
        """An image is shown whole or not at all."""
        place = Place(RenderBudget(images=len(PNG) + 1))
        block = Block(kind="image", data=PNG)
        self.assertIsNotNone(picture_of(block, "x", place))
        self.assertIsNone(picture_of(block, "x", place))
