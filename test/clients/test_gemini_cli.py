"""Gemini CLI, by what it says of itself."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import SID, ask


class GeminiCliTests(SynchronousTestCase):
    """Gemini CLI."""

    def test_gemini_cli(self) -> None:
        """Gemini CLI names its session in Code Assist requests only."""
        text = "I'm currently working in the directory: /home/me/g\nHere is the folder structure"
        headers = {"user-agent": "GeminiCLI/0.61.0/gemini-2.5-flash (linux; x64)"}
        contents = [{"role": "user", "parts": [{"text": "hi"}, {"text": text}]}]
        plain = ask(headers, {"contents": contents})
        self.assertEqual(plain, Client(name="gemini-cli", version="0.61.0", cwd="/home/me/g"))
        body = {"model": "m", "project": "p-1", "request": {"contents": contents, "session_id": SID}}
        expected = Client(name="gemini-cli", version="0.61.0", session=SID, cwd="/home/me/g", account="p-1")
        self.assertEqual(ask(headers, body), expected)
