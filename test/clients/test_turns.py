"""A conversation that goes on is known by its beginning."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.turns import Turns, turns_of, words_of_answer


def said(role: str, text: str, **marks: Any) -> dict[str, Any]:
    """Make a message."""
    return {"role": role, "content": [{"type": "text", "text": text, **marks}]}


def turns(*messages: Any) -> Turns:
    """Return the conversation of a request."""
    found = turns_of({"messages": list(messages)})
    assert found is not None
    return found


class TurnsTests(SynchronousTestCase):
    """Digests of messages and of beginnings."""

    def test_a_longer_one_begins_as_the_shorter_one(self) -> None:
        """What was whole in one request is a beginning in the next."""
        first = turns(said("user", "fix"))
        second = turns(said("user", "fix"), said("assistant", "ok"), said("user", "more"))
        self.assertIn(first.whole, second.beginnings)
        self.assertNotIn(second.whole, first.beginnings)
        self.assertNotIn(turns(said("user", "other")).whole, second.beginnings)

    def test_marks_of_the_cache_move(self) -> None:
        """A message is the same with and without the mark that the client moves from turn to turn."""
        marked = turns(said("user", "fix", cache_control={"type": "ephemeral"}))
        self.assertEqual(marked.whole, turns(said("user", "fix")).whole)

    def test_answers(self) -> None:
        """What a client repeats as an answer is compared with what the model said."""
        conversation = turns(said("user", "fix"), said("assistant", "It is done."), said("user", "thanks"))
        self.assertTrue(conversation.answered)
        self.assertEqual(conversation.answers, {1: words_of_answer({"content": [{"text": "It is done."}]})})
        self.assertFalse(turns(said("user", "fix")).answered)

    def test_own_words(self) -> None:
        """What the agent adds by itself is no word of the user's."""
        reminder = said("user", "<system-reminder>\nctx\n</system-reminder>")
        self.assertEqual(turns(reminder, said("user", "fix")).own, 2)

    def test_half_characters(self) -> None:
        """An emoji that an agent has cut in two has no UTF-8; the conversation is read all the same."""
        said = [{"role": "user", "content": "\ud83d"}, {"role": "assistant", "content": "b"}]
        turns, again = turns_of({"messages": said}), turns_of({"messages": [*said, {"role": "user", "content": "c"}]})
        assert turns is not None and again is not None
        self.assertEqual(turns.messages, again.messages[:2])
        self.assertNotEqual(turns.messages[0], turns.messages[1])

    def test_no_conversation(self) -> None:
        """A body without messages has none."""
        for body in (None, 5, {}, {"messages": []}, {"messages": "x" * 0}, {"input": 7}):
            self.assertIsNone(turns_of(body), body)
        self.assertEqual(len(turns_of({"input": "fix"}).messages), 1)
