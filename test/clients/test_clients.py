"""Tests for `ccsproxy.clients`."""

import json
import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients import Identity, identify
from ccsproxy.exchange.ids import SESSION_ID
from ccsproxy.exchange.record import Client
from test.effort import effort

SID = "0b9a3b7e-58b1-4f6d-9a39-7d1f0c1a2b3c"
ACCOUNT = "5f0c1a2b-3c0b-4a3b-8e58-b14f6d9a397d"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["metadata", "user_id", "system", "text", "content", "messages", "input", "request"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def ask(headers: dict[str, str], body: Any = None, target: bytes = b"/v1/messages?beta=true") -> Identity:
    return identify([(name.encode(), value.encode()) for name, value in headers.items()], target, body)


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
            self.assertEqual(ask(headers), Identity(expected, False))

    def test_user_id_of_any_age(self) -> None:
        """The session of ``metadata.user_id`` is found in both of its forms; the body was needed for it."""
        new = json.dumps({"device_id": "d", "account_uuid": ACCOUNT, "session_id": SID})
        for user_id in (new, f"user_abcdef0123_account_{ACCOUNT}_session_{SID}"):
            for headers in (self.UA, {}):
                identity = ask(headers, {"metadata": {"user_id": user_id}})
                self.assertEqual((identity.client.session, identity.client.account), (SID, ACCOUNT))
                self.assertEqual((identity.client.name, identity.body_needed), ("claude-code", True))

    def test_head_alone(self) -> None:
        """With the head alone and no session in it, the body is needed."""
        self.assertEqual(ask(self.UA), Identity(Client(name="claude-code", version="2.1.197"), True))

    def test_header_wins(self) -> None:
        """Where header and body disagree the header is believed, so that both answers agree."""
        headers = {**self.UA, "x-claude-code-session-id": SID}
        body = {"metadata": {"user_id": json.dumps({"session_id": "other"})}}
        self.assertEqual(ask(headers, body).client.session, SID)
        self.assertFalse(ask(headers, body).body_needed)

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
                self.assertEqual(ask(self.UA, body).client.cwd, path)

    def test_billed_version(self) -> None:
        """Where the user agent is another's, the version stands in the system prompt."""
        body = {"system": [{"text": "x-anthropic-billing-header: cc_version=2.1.5.abc; cc_entrypoint=cli"}]}
        self.assertEqual(
            ask({"x-claude-code-session-id": SID, "user-agent": "Bun/1.4"}, body).client.version, "2.1.5"
        )

    def test_parallel_agents(self) -> None:
        """Two agents of one session are told apart."""
        agents = {
            ask({**self.UA, "x-claude-code-session-id": SID, "x-claude-code-agent-id": agent}).client
            for agent in "ab"
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
            self.assertIsNone(ask(self.UA, {"metadata": {"user_id": user_id}}).client.session)
        for metadata in (5, None, [], "x"):
            self.assertIsNone(ask(self.UA, {"metadata": metadata}).client.session)


class CodexTests(SynchronousTestCase):
    """Codex is known by its headers, old and new, and by its body."""

    UA = {"user-agent": "codex_exec/0.169.0 (Debian 12; x86_64)", "originator": "codex_exec"}
    TURN = json.dumps({"session_id": SID, "thread_id": "t1", "agent_name": "reviewer", "workspaces": {"/w": {}}})

    def test_headers_of_any_age(self) -> None:
        """The session is found under each of the names that it has had."""
        for name in ("session-id", "session_id", "Session_Id", "conversation_id"):
            identity = ask({**self.UA, name: SID}, {})
            self.assertEqual((identity.client.session, identity.body_needed), (SID, False))

    def test_turn_metadata(self) -> None:
        """Thread, agent and folder come from the turn's metadata, in a header or in the body."""
        expected = Client(
            name="codex", version="0.169.0", session=SID, thread="t1", agent="reviewer", cwd="/w", account="acc-1"
        )
        headers = {**self.UA, "chatgpt-account-id": "acc-1"}
        self.assertEqual(ask({**headers, "x-codex-turn-metadata": self.TURN}), Identity(expected, False))
        body = {"client_metadata": {"x-codex-turn-metadata": self.TURN}}
        self.assertEqual(ask(headers, body), Identity(expected, True))

    def test_body(self) -> None:
        """The cache key is the session, and the folder stands in the environment context."""
        context = "<environment_context>\n  <cwd>/home/me/x</cwd>\n</environment_context>"
        body = {
            "prompt_cache_key": SID,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": context}]}],
        }
        identity = ask(self.UA, body)
        self.assertEqual((identity.client.session, identity.client.cwd), (SID, "/home/me/x"))
        self.assertTrue(identity.body_needed)

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
            self.assertIsNone(ask({**self.UA, "x-codex-turn-metadata": turn}).client.session)


class OtherClientTests(SynchronousTestCase):
    """Other agents and plain SDKs."""

    def test_gemini_cli(self) -> None:
        """Gemini CLI names its session in Code Assist requests only."""
        text = "I'm currently working in the directory: /home/me/g\nHere is the folder structure"
        headers = {"user-agent": "GeminiCLI/0.61.0/gemini-2.5-flash (linux; x64)"}
        contents = [{"role": "user", "parts": [{"text": "hi"}, {"text": text}]}]
        plain = ask(headers, {"contents": contents}).client
        self.assertEqual(plain, Client(name="gemini-cli", version="0.61.0", cwd="/home/me/g"))
        body = {"model": "m", "project": "p-1", "request": {"contents": contents, "session_id": SID}}
        expected = Client(name="gemini-cli", version="0.61.0", session=SID, cwd="/home/me/g", account="p-1")
        self.assertEqual(ask(headers, body), Identity(expected, True))

    def test_opencode(self) -> None:
        """OpenCode names its session in headers; a sub-agent names its parent's."""
        headers = {
            "user-agent": "ai-sdk/anthropic/2.0 opencode/1.18.33",
            "x-session-affinity": "ses_1",
            "x-parent-session-id": "ses_0",
        }
        body = {"system": "You are\n<env>\n  Working directory: /o\n</env>"}
        expected = Client(name="opencode", version="1.18.33", session="ses_1", parent_agent="ses_0", cwd="/o")
        self.assertEqual(ask(headers, body), Identity(expected, False))

    def test_sdks(self) -> None:
        """Plain SDKs are named with their language, and have no session."""
        for agent, name, version in [
            ("Anthropic/Python 2.11.0", "anthropic-python", "2.11.0"),
            ("AsyncAnthropic/Python 2.11.0", "anthropic-python", "2.11.0"),
            ("Anthropic/JS 1.11.0", "anthropic-js", "1.11.0"),
            ("OpenAI/Python 3.52.0", "openai-python", "3.52.0"),
            ("AsyncOpenAI/Python 3.52.0", "openai-python", "3.52.0"),
            ("google-genai-sdk/3.4.0 gl-python/3.11.7", "google-genai-sdk", "3.4.0"),
            ("ollama-python/0.6.3 (x86_64 linux)", "ollama-python", "0.6.3"),
        ]:
            body = {
                "metadata": {"user_id": "user-7"},
                "prompt_cache_key": "k",
                "messages": [{"role": "user", "content": "hi"}],
            }
            self.assertEqual(ask({"user-agent": agent}, body), Identity(Client(name=name, version=version), True))

    def test_generic(self) -> None:
        """Anyone else is named as they name themselves; nobody is nobody."""
        self.assertEqual(ask({"user-agent": "curl/8.5.0"}), Identity(Client(name="curl", version="8.5.0"), True))
        self.assertEqual(ask({}), Identity(Client(), True))
        self.assertEqual(ask({"user-agent": "KimiCLI/1.2"}, {"prompt_cache_key": SID}).client.session, SID)
        self.assertEqual(ask({"user-agent": "x/1", "x-grok-session-id": SID}).client.session, SID)


class SafetyTests(SynchronousTestCase):
    """Whatever a request says, the answer is usable."""

    def test_ids_that_are_none(self) -> None:
        """A session id that could not be one is ignored, and makes no session of its own."""
        for bad in ("../../etc/passwd", "a b", "", "x" * 200, "-a", "é", "a\nb"):
            identity = ask({**ClaudeCodeTests.UA, "x-claude-code-session-id": bad})
            self.assertEqual((identity.client.session, identity.body_needed), (None, True))

    @given(
        st.sampled_from(["claude-cli/1", "codex/1", "GeminiCLI/1", "opencode/1", "OpenAI/Python 1", ""]), JSON_VALUES
    )
    @settings(max_examples=effort(80), deadline=None)
    def test_any_body(self, agent: str, body: Any) -> None:
        """No body makes it raise, and a session that is named is a valid id."""
        session = ask({"user-agent": agent}, body).client.session
        self.assertTrue(session is None or SESSION_ID.match(session))

    def test_hostile_instructions_are_linear(self) -> None:
        """Texts made to lead the search for the working directory astray are no trouble."""
        started = time.process_time()
        for unit in ("<cwd>", "<cwd> ", " ", "\t- ", "Working directory:", "\n ", "Primary working directory: \n"):
            text = unit * (200_000 // len(unit))
            for agent in ("claude-cli/1", "codex/1", "GeminiCLI/1", "opencode/1"):
                ask({"user-agent": agent}, {"system": f"<cwd>{text}"})
        self.assertLess(time.process_time() - started, 10)

    def test_odd_headers(self) -> None:
        """Header bytes that are no text do not raise."""
        identify([(b"\xff", b"\xff"), (b"user-agent", b"\xff\xfe"), (b"session-id", b"\xff")], b"/", {"a": 1})
