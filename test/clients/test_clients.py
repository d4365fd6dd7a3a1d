"""Whatever a request says of its sender, the answer is usable."""

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients import identify
from ccsproxy.exchange.ids import SESSION_ID
from test.clients.asking import ask
from test.effort import effort

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["metadata", "user_id", "system", "text", "content", "messages", "input", "request"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


class SafetyTests(SynchronousTestCase):
    """Whatever a request says, the answer is usable."""

    def test_ids_that_are_none(self) -> None:
        """A session id that could not be one is ignored, and makes no session of its own."""
        for bad in ("../../etc/passwd", "a b", "", "x" * 200, "-a", "é", "a\nb"):
            client = ask({"User-Agent": "claude-cli/2.1.197 (external, cli)", "x-claude-code-session-id": bad})
            self.assertIsNone(client.session)

    @given(
        st.sampled_from(["claude-cli/1", "codex/1", "GeminiCLI/1", "opencode/1", "OpenAI/Python 1", ""]), JSON_VALUES
    )
    @settings(max_examples=effort(40), deadline=None)
    def test_any_body(self, agent: str, body: Any) -> None:
        """No body makes it raise, and a session that is named is a valid id."""
        session = ask({"user-agent": agent}, body).session
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
