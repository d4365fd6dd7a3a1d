"""Claude Code, by what it says of itself in headers and bodies."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import ACCOUNT, SID, ask


class ClaudeCodeTests(SynchronousTestCase):
    """Claude Code is known by headers first, then by its body."""

    UA = {"User-Agent": "claude-cli/2.1.197 (external, cli)"}

    def test_headers(self) -> None:
        """Session, agent and parent come from the headers, whatever the spelling, with no body."""
        for mark in "-_":
            headers = {
                **self.UA,
                f"X{mark}Claude{mark}Code{mark}Session{mark}Id": SID,
                f"x{mark}claude{mark}code{mark}agent{mark}id": "a1",
                f"x{mark}claude{mark}code{mark}parent{mark}agent{mark}id": "a0",
            }
            expected = Client(name="claude-code", version="2.1.197", session=SID, agent="a1", parent_agent="a0")
            self.assertEqual(ask(headers), expected)

    def test_user_id_of_any_age(self) -> None:
        """The session of ``metadata.user_id`` is found in both of its forms."""
        new = json.dumps({"device_id": "d", "account_uuid": ACCOUNT, "session_id": SID})
        for user_id in (new, f"user_abcdef0123_account_{ACCOUNT}_session_{SID}"):
            for headers in (self.UA, {}):
                client = ask(headers, {"metadata": {"user_id": user_id}})
                self.assertEqual((client.name, client.session, client.account), ("claude-code", SID, ACCOUNT))

    def test_head_alone(self) -> None:
        """With the head alone and no session in it, the session is unknown yet."""
        self.assertEqual(ask(self.UA), Client(name="claude-code", version="2.1.197"))

    def test_header_wins(self) -> None:
        """Where header and body disagree the header is believed, so that both answers agree."""
        headers = {**self.UA, "x-claude-code-session-id": SID}
        body = {"metadata": {"user_id": json.dumps({"session_id": "other"})}}
        self.assertEqual(ask(headers, body).session, SID)

    def test_working_directory(self) -> None:
        """The working directory is found in a system prompt that is a string or blocks, in older words too."""
        for line, path in [
            ("Primary working directory: /home/me/my project", "/home/me/my project"),
            (" - Primary working directory: C:\\src\\x\r", "C:\\src\\x"),
            ("<env>\nWorking directory: /w\nIs directory a git repo: Yes", "/w"),
        ]:
            text = f"You are an agent.\n{line}\n - Platform: linux"
            for body in (
                {"system": text},
                {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": text}]},
                {"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]},
                {"messages": [{"role": "system", "content": text}]},
            ):
                self.assertEqual(ask(self.UA, body).cwd, path)

    def test_billed_version(self) -> None:
        """Where the user agent is another's, the version stands in the system prompt."""
        body = {"system": [{"text": "x-anthropic-billing-header: cc_version=2.1.5.abc; cc_entrypoint=cli"}]}
        self.assertEqual(ask({"x-claude-code-session-id": SID, "user-agent": "Bun/1.4"}, body).version, "2.1.5")

    def test_parallel_agents(self) -> None:
        """Two agents of one session are told apart."""
        agents = {
            ask({**self.UA, "x-claude-code-session-id": SID, "x-claude-code-agent-id": agent}) for agent in "ab"
        }
        self.assertEqual(len(agents), 2)
        self.assertEqual({client.session for client in agents}, {SID})

    def test_malformed_metadata(self) -> None:
        """Metadata that says nothing usable names no session and never raises."""
        for user_id in (
            "",
            "{",
            "{}",
            "[]",
            "null",
            5,
            None,
            [],
            '{"session_id": 5}',
            '{"session_id": "a/../b"}',
            "user_a_account__session_",
        ):
            self.assertIsNone(ask(self.UA, {"metadata": {"user_id": user_id}}).session)
        for metadata in (5, None, [], "x"):
            self.assertIsNone(ask(self.UA, {"metadata": metadata}).session)
