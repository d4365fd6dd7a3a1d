"""Tests of the texts of a session, each once."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects.views.view import Block, Message, RequestView
from ccsproxy.exports.session import texts as module
from ccsproxy.exports.session.texts import texts_of, whole_prompt
from ccsproxy.insight.facts import QUOTE
from test.dashboard import specimens


class TextsTests(SynchronousTestCase):
    """Every request repeats the conversation; only what is new is kept."""

    def test_each_once(self) -> None:
        """Prompts where they were said, answers by their calls, results by the ids of theirs."""
        found = texts_of(specimens.conversation(3, branch_at=0))
        self.assertEqual(list(found.prompts), [1])
        self.assertEqual(list(found.answers), [1, 2, 3])
        self.assertEqual(list(found.results), ["toolu_1", "toolu_2"])
        self.assertEqual([seq for seq, _ in found.systems], [1])

    def test_what_was_said_before_the_record_began(self) -> None:
        """Of a session that was resumed the first call carries it; of one that began here there is none."""
        records = specimens.conversation(3, branch_at=0)
        self.assertEqual(dict(texts_of(records).earlier), {})
        self.assertEqual([len(each) for each in texts_of(records[2:]).earlier.values()], [5])

    def test_sessions_without_end(self) -> None:
        """So many beginnings are remembered, and nothing grows beyond them."""
        self.patch(module, "_BEGINNINGS", 3)
        records: list[dict[str, Any]] = [
            specimens.record(n, "anthropic", specimens.anthropic_body({"role": "user", "content": f"p{n}"}), None)
            for n in range(1, 9)
        ]
        self.assertEqual(len(texts_of(records).prompts), 8)


class PromptTests(SynchronousTestCase):
    """The message of which a fact quotes the beginning."""

    def view(self, *texts: str) -> RequestView:
        """Return a request with messages of the user."""
        image = Block(kind="image")
        return RequestView(messages=tuple(Message("user", (Block(kind="text", text=text), image)) for text in texts))

    def test_found_whole(self) -> None:
        """The newest that begins so, with its images, whatever blanks the quote has lost."""
        long = "Fix\n\n  this: " + "x " * QUOTE
        quote = " ".join(long.split())[: QUOTE - 1] + "…"
        text, images, at = whole_prompt(quote, self.view(long, "another", long + "again"))
        self.assertEqual((text, len(images), at), (long + "again", 1, 2))

    def test_not_found(self) -> None:
        """The quote is what there is."""
        for view in (None, RequestView(), self.view("another")):
            self.assertEqual(whole_prompt("Fix this", view), ("Fix this", (), None))
