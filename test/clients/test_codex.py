"""Codex, by what it says of itself in headers and bodies."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import SID, ask


class CodexTests(SynchronousTestCase):
    """Codex is known by its headers, old and new, and by its body."""

    UA = {"user-agent": "codex_exec/0.169.0 (Debian 12; x86_64)", "originator": "codex_exec"}
    TURN = json.dumps({"session_id": SID, "thread_id": "t1", "agent_name": "reviewer", "workspaces": {"/w": {}}})

    def test_headers_of_any_age(self) -> None:
        """The session is found under each of the names that it has had."""
        for name in ("session-id", "session_id", "Session_Id", "conversation_id"):
            self.assertEqual(ask({**self.UA, name: SID}).session, SID)

    def test_turn_metadata(self) -> None:
        """Thread, agent and folder come from the turn's metadata, in a header or in the body."""
        expected = Client(
            name="codex", version="0.169.0", session=SID, thread="t1", agent="reviewer", cwd="/w", account="acc-1"
        )
        headers = {**self.UA, "chatgpt-account-id": "acc-1"}
        self.assertEqual(ask({**headers, "x-codex-turn-metadata": self.TURN}), expected)
        body = {"client_metadata": {"x-codex-turn-metadata": self.TURN}}
        self.assertEqual(ask(headers, body), expected)

    def test_body(self) -> None:
        """The cache key is the session, and the folder stands in the environment context."""
        context = "<environment_context>\n  <cwd>/home/me/x</cwd>\n</environment_context>"
        body = {
            "prompt_cache_key": SID,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": context}]}],
        }
        client = ask(self.UA, body)
        self.assertEqual((client.session, client.cwd), (SID, "/home/me/x"))

    def test_malformed_metadata(self) -> None:
        """Metadata of other kinds never raises."""
        for turn in (
            "",
            "{",
            "[1]",
            '{"workspaces": 5}',
            '{"workspaces": []}',
            '{"workspaces": [5]}',
            '{"session_id": {}}',
        ):
            self.assertIsNone(ask({**self.UA, "x-codex-turn-metadata": turn}).session)
