"""Tests for `ccsproxy.clients.purpose`: conversations and the calls that agents make beside them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.purpose import Purpose, purpose_of

TITLE_SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


class PurposeTests(SynchronousTestCase):
    """What agents call a model for."""

    def test_titles(self) -> None:
        """By the schema of the answer, or by the instructions of a call without tools."""
        for body in (
            {"tools": [], "output_config": {"format": {"type": "json_schema", "schema": TITLE_SCHEMA}}},
            {"text": {"format": {"type": "json_schema", "schema": TITLE_SCHEMA}}},
            {"response_format": {"type": "json_schema", "json_schema": {"schema": TITLE_SCHEMA}}},
            {"generationConfig": {"responseJsonSchema": TITLE_SCHEMA}},
            {"system": "You are a title generator. You output ONLY a thread title."},
            {
                "system": [{"type": "text", "text": "Generate a concise title (3-7 words)"}],
                "tools": [],
            },
            {"messages": [{"role": "system", "content": "you will generate a short title of the first message"}]},
            {"instructions": "provide a concise description of this session in 4 words or less"},
        ):
            self.assertEqual(purpose_of(body), Purpose.TITLE, body)

    def test_quota(self) -> None:
        """Claude Code asks for its limits with one word and one token."""
        messages = [{"role": "user", "content": "quota"}]
        self.assertEqual(purpose_of({"max_tokens": 1, "messages": messages}), Purpose.QUOTA)
        self.assertEqual(purpose_of({"max_tokens": 100, "messages": messages}), Purpose.MAIN)

    def test_headers(self) -> None:
        """What Claude Code says of a call counts."""
        body = {"tools": [{}], "messages": []}
        for said, purpose in [
            ("auxiliary", Purpose.SIDE),
            ("compaction", Purpose.COMPACTION),
            ("main", Purpose.MAIN),
            ("subagent", Purpose.MAIN),
            ("", Purpose.MAIN),
        ]:
            self.assertEqual(purpose_of(body, said), purpose)

    def test_other_side_calls(self) -> None:
        """Open WebUI's tags and questions for a chat are no turns of it."""
        for told in ("### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history",
                     "### Task:\nSuggest 3-5 relevant follow-up questions or prompts"):  # fmt: skip
            self.assertEqual(purpose_of({"messages": [{"role": "user", "content": told}]}), Purpose.SIDE)

    def test_conversations(self) -> None:
        """A conversation about titles is a conversation."""
        for body in (
            {"tools": [{"name": "Bash"}], "system": "You are a title generator"},
            {"messages": [{"role": "user", "content": "hello"}]},
            {"system": "You are Claude Code. Use # headings and a title page where asked."},
            {"response_format": {"json_schema": {"schema": {"properties": {"title": {}, "body": {}, "tags": {}}}}}},
            {},
        ):
            self.assertEqual(purpose_of(body), Purpose.MAIN, body)

    def test_odd_bodies(self) -> None:
        """Members of the wrong type say nothing."""
        odd: list[dict[str, Any]] = [
            {"messages": 5, "max_tokens": 1},
            {"output_config": [], "text": {"format": "json"}, "tools": None},
            {"system": {"text": {"text": 5}}, "request": "x"},
        ]
        for body in odd:
            self.assertEqual(purpose_of(body), Purpose.MAIN)
