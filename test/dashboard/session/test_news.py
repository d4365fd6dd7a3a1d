"""Tests of what a turn says that the turn before did not."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.news import answer_of, bare, common_prefix, has_body, news, same_message, view_of
from ccsproxy.dialects.views.view import Block, Message, RequestView
from test.dashboard import specimens


def says(role: str, text: str, **more: Any) -> Message:
    """Return a message of one text."""
    return Message(role, (Block(kind="text", text=text, **more),))


USER, ANSWER, MORE = says("user", "a"), says("assistant", "b"), says("user", "c")


class SameTests(SynchronousTestCase):
    """When two messages say the same."""

    def test_marks_do_not_count(self) -> None:
        """Not on a block, nor on one within it."""
        marked = Block(kind="tool_result", content=(Block(kind="text", cache_breakpoint=True),))
        self.assertFalse(bare(marked).content[0].cache_breakpoint)
        self.assertTrue(same_message(says("user", "a", cache_breakpoint=True), USER))
        self.assertFalse(same_message(says("tool", "a"), USER))

    def test_prefix(self) -> None:
        """Up to the first that differs; what is the same behind it does not count."""
        self.assertEqual(common_prefix([USER, ANSWER, MORE], [USER, MORE, MORE]), 1)
        self.assertEqual(common_prefix([], [USER]), 0)


class NewsTests(SynchronousTestCase):
    """What is new in a turn."""

    def test_the_answer_is_not_shown_twice(self) -> None:
        """It comes again in the next request; where it is not known, that request is where it is read."""
        before, after = RequestView(messages=(USER,)), RequestView(messages=(USER, ANSWER, MORE))
        found = news(before, True, after, None)
        self.assertEqual((found.messages, found.carried, found.repeated, found.gone), ((MORE,), 1, 1, 0))
        self.assertEqual(news(before, False, after, None).messages, (ANSWER, MORE))

    def test_what_is_gone(self) -> None:
        """A rewritten history says how much of it is there no more, unless the request goes on from a response."""
        before = RequestView(messages=(USER, ANSWER, MORE))
        self.assertEqual(news(before, True, RequestView(messages=(says("user", "summary"),)), None).gone, 3)
        continued = RequestView(messages=(MORE,), params={"previous_response_id": "r"})
        self.assertEqual(news(before, True, continued, None).gone, 0)

    def test_system_and_tools(self) -> None:
        """Told when they are new, and not when they are as they were."""
        system = (Block(kind="text", text="be brief", cache_breakpoint=True),)
        view = RequestView(system=system)
        self.assertEqual(news(None, False, view, None).system, 1)
        self.assertEqual(news(RequestView(system=(bare(system[0]),)), True, view, None).system, 0)


class RecordTests(SynchronousTestCase):
    """What of it a record has."""

    def test_bodies(self) -> None:
        """A call that runs, or whose body was not kept, has none."""
        self.assertEqual([has_body(each) for each in (specimens.chat(), {}, {"request": {"body": None}})],
                         [True, False, False])  # fmt: skip
        self.assertEqual(len(view_of(specimens.chat()).messages), 3)
        self.assertIsNone(answer_of({}))
