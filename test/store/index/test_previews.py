"""Tests for `ccsproxy.store.index.texts.previews` and the titles of sessions, in the shapes of today's agents."""

from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.index.texts.previews import _last_items, preview_of
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.summary import Entry, read_entry
from test.store.corpus import Corpus
from test.store.index.test_index import Segments

TASK = "Please fix the login redirect"
TITLE_SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.260.aaa; cch=bbb;"}
CONTEXT = {"type": "text", "text": "<system-reminder>\nctx\n</system-reminder>"}
MARK = {"type": "ephemeral", "ttl": "1h"}
MAIN = {"role": "user", "content": [CONTEXT, {"type": "text", "text": TASK, "cache_control": MARK}]}
CALL = {"content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]}
DONE = {"content": [{"type": "text", "text": "All tests pass."}]}
QUOTA = {"max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]}
SESSION = "<session>\nPlease fix the login redirect\n</session>\n\nWrite the title in the language the user wrote in."
TITLE = {
    "tools": [],
    "output_config": {"format": {"type": "json_schema", "schema": TITLE_SCHEMA}},
    "system": [BILLING, {"type": "text", "text": "Generate a concise, sentence-case title (3-7 words)"}],
    "messages": [{"role": "user", "content": SESSION}],
}
TURN = {
    "tools": [{"name": "Bash"}],
    "system": [BILLING],
    "messages": [
        MAIN,
        {"role": "assistant", "content": CALL["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "a.py\nb.py"}]},
    ],
}


def titled(title: str) -> dict[str, Any]:
    """Return the answer of a title call."""
    return {"content": [{"type": "text", "text": msgspec.json.encode({"title": title}).decode()}]}


def record(body: Any, answer: Any, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a record of a model call of one session."""
    made = next(Corpus().records(1))
    made |= {
        "session_id": "s",
        "seq": number,
        "id": f"{number:026x}",
        "started_at": f"2026-11-30T10:00:{number:02}.000Z",
    }
    made["request"] |= {"body": body}
    made["response"] |= {"body_reassembled": answer}
    made["client"] |= {"agent": None, "parent_agent": None}
    return made | changes


def entry(body: Any, answer: Any, **changes: Any) -> Entry:
    """Return the same as the index reads it."""
    return read_entry(msgspec.json.encode(record(body, answer, **changes)))


class PreviewTests(SynchronousTestCase):
    """The line that stands for a call in a list."""

    def line(
        self, body: Any, answer: Any, tools: tuple[str, ...] = (), **changes: Any
    ) -> tuple[str | None, str | None]:
        """Return whose words the line is, and the line."""
        found = preview_of(entry(body, answer, **changes), answer, list(tools))
        return found.about, found.line

    def test_claude_code(self) -> None:
        """The prompt, the tool's result, the answer; never a mark, a header or instructions."""
        main = {"tools": [{"name": "Bash"}], "system": [BILLING], "messages": [MAIN]}
        for body, answer, tools, expected in [
            (main, CALL, ("Bash",), ("prompt", TASK)),
            (TURN, CALL, ("Bash",), ("result", "a.py b.py")),
            (TURN, DONE, (), ("result", "a.py b.py → All tests pass.")),
            (TITLE, titled("Fix the login redirect"), (), ("title", "Fix the login redirect")),
            (TITLE, None, (), ("prompt", TASK)),
            (QUOTA, {"content": [{"type": "text", "text": "I"}]}, (), ("kind", "asks for its limits")),
        ]:
            self.assertEqual(self.line(body, answer, tools), expected)

    def test_without_words(self) -> None:
        """Calls in which nobody says anything are told by their kind."""
        self.assertEqual(self.line(None, {"data": []}, category="models"), ("kind", "asks for the models"))
        self.assertEqual(self.line(None, None, category="other"), (None, None))
        self.assertEqual(self.line({"messages": [CALL | {"role": "assistant"}]}, CALL, ("Bash",)), ("calls", "Bash"))

    def test_what_is_read_of_a_conversation(self) -> None:
        """Its end, back to the model's words; items that stand for the rest are no more than there are others."""
        user, model = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}

        def read(*items: object) -> object:
            return _last_items(msgspec.json.encode(items), True)

        self.assertEqual(read(user), [user])
        self.assertEqual(read(user, model, user), [None, model, user])
        self.assertEqual(read(*[user, model] * 9, user), [*[None] * 4, model, user])

    def test_long_conversations(self) -> None:
        """Only what is new is looked at, however long the conversation is."""
        messages = [MAIN, {"role": "assistant", "content": "ok"}] * 500
        body = {"tools": [{}], "messages": [*messages, {"role": "user", "content": "and now the cart"}]}
        self.assertEqual(self.line(body, DONE), ("prompt", "and now the cart"))


class TitleTests(SynchronousTestCase):
    """What a session is called."""

    def title(self, *calls: dict[str, Any]) -> str | None:
        """Index calls in their order and return the session's title."""
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        segments = Segments(data_dir)
        for each in calls:
            segments.write(each)
        bring_up(data_dir)
        return Reader(data_dir).sessions()[0]["title"]

    def test_answered_title(self) -> None:
        """The agent's own title, whenever it is answered."""
        self.assertEqual(
            self.title(record(TITLE, titled("Fix the login redirect"), 1), record(TURN, DONE, 2)),
            "Fix the login redirect",
        )
        main = record({"tools": [{}], "messages": [MAIN]}, CALL, 1)
        self.assertEqual(
            self.title(main, record(TITLE, titled("Fix the login redirect"), 2)), "Fix the login redirect"
        )

    def test_first_prompt(self) -> None:
        """Where the title call failed, the user's first prompt, not the probe that came before it."""
        main = {"tools": [{}], "messages": [MAIN]}
        calls = [record(QUOTA, None, 1), record(TITLE, None, 2), record(main, CALL, 3), record(TURN, DONE, 4)]
        self.assertEqual(self.title(*calls), TASK)

    def test_sub_agents_come_last(self) -> None:
        """What a sub-agent is told is no title where the user said something, even later."""
        told = {"tools": [{}], "messages": [{"role": "user", "content": "find all callers"}]}
        sub = record(told, DONE, 1)
        sub["client"] |= {"agent": "a1"}
        self.assertEqual(self.title(sub), "find all callers")
        self.assertEqual(self.title(sub, record({"tools": [{}], "messages": [MAIN]}, CALL, 2)), TASK)
