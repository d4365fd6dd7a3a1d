"""Tests for `ccsproxy.capture.recorder.sessions.conversations` over `ccsproxy.clients.turns`."""

from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.sessions import conversations
from ccsproxy.capture.recorder.sessions.conversations import Caller, Conversations
from ccsproxy.clients import turns
from ccsproxy.clients.turns import turns_of, words_of_answer
from ccsproxy.exchange.record import Process


def caller(pid: int = 1, connection: str = "") -> Caller:
    """Return a program."""
    return Caller(Process(pid=pid, started_at="2026-11-30T10:00:00.000Z") if pid else None, connection)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def model(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


class ConversationCase(SynchronousTestCase):
    """Sends requests and answers them."""

    def setUp(self) -> None:
        """Begin with no memory, and all programs running."""
        numbers = count(1)
        self.gone: set[int] = set()
        self.conversations = Conversations(
            lambda process: process.pid not in self.gone, lambda size: next(numbers).to_bytes(size, "big")
        )

    def ask(self, who: Caller, *messages: Any, answer: str | None = "ok", again: bool = False, **body: Any) -> str:
        """Send a request and return its conversation.

        :param answer: what it is answered, None where it fails.
        """
        said = turns_of({"messages": list(messages), **body})
        assert said is not None
        found = self.conversations.place(who, said, 1000.0, again)
        if answer is not None:
            self.conversations.answered(found, said, words_of_answer({"content": answer}), "", summary=False)
        return found.session_id[-8:]


class ContinuationTests(ConversationCase):
    """Messages that continue one another's are one conversation."""

    def test_turns(self) -> None:
        """A conversation grows, whatever the marks in it."""
        marked = {"type": "text", "text": "fix", "cache_control": {"type": "ephemeral"}}
        first = self.ask(caller(), user("fix"))
        second = self.ask(caller(), {"role": "user", "content": [marked]}, model("ok"), user("and the cart"))
        third = self.ask(caller(), user("fix"), model("ok"), user("and the cart"), model("ok"), user("thanks"))
        self.assertEqual((first, second, third), ("00000001",) * 3)

    def test_equal_prompts(self) -> None:
        """Equal prompts begin conversations of their own, which are told apart by what was answered."""
        one = self.ask(caller(), user("fix"), answer="first")
        two = self.ask(caller(), user("fix"), answer="second")
        self.assertNotEqual(one, two)
        self.assertEqual(self.ask(caller(), user("fix"), model("first"), user("go on")), one)
        self.assertEqual(self.ask(caller(), user("fix"), model("second"), user("go on")), two)

    def test_repetitions(self) -> None:
        """A call that failed, or that the client says it repeats, stays in its conversation."""
        failed = self.ask(caller(), user("fix"), answer=None)
        self.assertEqual(self.ask(caller(), user("fix"), answer="done"), failed)
        self.assertEqual(self.ask(caller(), user("fix"), again=True), failed)
        self.assertNotEqual(self.ask(caller(), user("fix")), failed)

    def test_edits(self) -> None:
        """Another end to the same beginning is the same conversation."""
        one = self.ask(caller(), user("a"))
        self.ask(caller(), user("a"), model("ok"), user("b"))
        self.assertEqual(self.ask(caller(), user("a"), model("ok"), user("c")), one)

    def test_context_is_no_beginning(self) -> None:
        """What an agent sends at the beginning of every conversation does not make them one."""
        context = user("<session_context>\nToday is Monday.\n</session_context>")
        self.assertNotEqual(self.ask(caller(), context, user("a")), self.ask(caller(), context, user("b")))

    def test_compaction(self) -> None:
        """A compacted conversation is known by what is left of it, or by its summary."""
        one = self.ask(caller(), user("a"), model("b"), user("c"), model("d"), user("e"))
        self.assertEqual(self.ask(caller(), user("summary"), model("got it"), user("c"), model("d"), user("f")), one)
        asked = turns_of({"messages": [user("a"), model("b"), user("c"), model("d"), user("sum it up")]})
        assert asked is not None
        found = self.conversations.place(caller(), asked, 1000.0)
        self.conversations.answered(found, asked, "The user wants the login fixed and has", "", summary=True)
        told = user("This session is being continued. The user wants the login fixed and has tests.")
        self.assertEqual(self.ask(caller(), told, user("go on")), found.session_id[-8:])

    def test_answers_that_are_named(self) -> None:
        """A request that names the answer it continues holds no history."""
        turns = turns_of({"input": "hi"})
        assert turns is not None
        found = self.conversations.place(caller(), turns, 1000.0)
        self.conversations.answered(found, turns, "ok", "resp_1", summary=False)
        for body in (
            {"input": "more", "previous_response_id": "resp_1"},
            {"messages": [{"role": "user", "content": "more"}], "thread": {"previous_message_id": "resp_1"}},
        ):
            later = turns_of(body)
            assert later is not None
            self.assertIs(self.conversations.place(caller(), later, 1000.0), found)


class ProgramTests(ConversationCase):
    """Two programs at once never share a conversation."""

    def test_at_once(self) -> None:
        """Not even with the same words on both sides."""
        one, two = self.ask(caller(1), user("a")), self.ask(caller(2), user("a"))
        self.assertNotEqual(one, two)
        self.assertEqual(self.ask(caller(2), user("a"), model("ok"), user("b")), two)
        self.assertEqual(self.ask(caller(1), user("a"), model("ok"), user("b")), one)
        self.assertNotEqual(self.ask(caller(3), user("a"), model("ok"), user("b"), model("ok"), user("c")), one)

    def test_one_after_the_other(self) -> None:
        """A program may take up the conversation of one that has ended."""
        one = self.ask(caller(1), user("a"))
        self.gone.add(1)
        self.assertEqual(self.ask(caller(2), user("a"), model("ok"), user("b")), one)
        self.assertNotEqual(self.ask(caller(2), user("a")), one)

    def test_unknown_programs(self) -> None:
        """Where the system tells nothing, a new connection continues what the model's own words prove."""
        one = self.ask(caller(0, "c1"), user("a"), answer="yes")
        self.assertEqual(self.ask(caller(0, "c2"), user("a"), model("yes"), user("b")), one)
        self.assertNotEqual(self.ask(caller(0, "c3"), user("a"), model("no"), user("b")), one)
        self.assertNotEqual(self.ask(caller(0, "c4"), user("a")), one)

    def test_nearest(self) -> None:
        """Calls without messages go where their program was last."""
        self.assertIsNone(self.conversations.nearest(caller(), 1000.0))
        self.conversations.heard(caller(), "s1", 1000.0)
        self.conversations.heard(caller(2), "s2", 1001.0)
        self.assertEqual(self.conversations.nearest(caller(), 1002.0), "s1")
        self.assertIsNone(self.conversations.nearest(caller(), 100_000.0))
        self.assertIsNone(self.conversations.nearest(Caller(), 1000.0))

    def test_beside_first(self) -> None:
        """A call for a title that comes first goes to the conversation that follows it."""
        title, main = turns_of({"messages": [user("title of: a")]}), turns_of({"messages": [user("a")]})
        assert title is not None and main is not None
        waiting = self.conversations.place(caller(), title, 1000.0, beside=True)
        self.assertIs(self.conversations.place(caller(), main, 1000.0), waiting)
        other = turns_of({"messages": [user("b")]})
        assert other is not None
        self.assertIsNot(self.conversations.place(caller(), other, 1000.0), waiting)


class BoundTests(ConversationCase):
    """Memory is bounded, and odd bodies have no conversation."""

    def test_many_conversations(self) -> None:
        """After very many, the first are forgotten and nothing else happens."""
        self.patch(conversations, "_BEGINNINGS", 1500)
        for number in range(2500):
            turns = turns_of({"messages": [user(f"prompt {number}")]})
            assert turns is not None
            self.conversations.place(caller(number % 2000 + 1), turns, 1000.0)
        self.assertLessEqual(len(self.conversations._owners), 1500)
        self.assertLessEqual(len(self.conversations._programs), 1024)

    def test_many_messages(self) -> None:
        """A long conversation that nobody knows is gone through a few times, not once for each of its beginnings."""
        looked_at = []
        is_models = turns.is_models
        self.patch(turns, "is_models", lambda item: (looked_at.append(item), is_models(item))[1])
        self.ask(caller(1), *(user(f"prompt {number}") for number in range(300)))
        self.ask(caller(2), *(user(f"prompt {number}") for number in range(300)))
        self.assertLess(len(looked_at), 2 * 5 * 300)

    def test_odd_bodies(self) -> None:
        """What holds no conversation has none; anything else has digests."""
        for body in (None, 5, [], {}, {"messages": []}, {"messages": "", "prompt": None}, {"input": 5}):
            self.assertIsNone(turns_of(body))
        for body in ({"messages": [None, 5, {"content": [[[]]]}]}, {"input": "x"}, {"contents": [{"parts": 5}]}):
            self.assertIsNotNone(turns_of(body))
