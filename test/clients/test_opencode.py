"""OpenCode, by what it says of itself."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import ask


class OpenCodeTests(SynchronousTestCase):
    """OpenCode."""

    def test_opencode(self) -> None:
        """OpenCode names its session in headers; a sub-agent names its parent's."""
        headers = {
            "user-agent": "ai-sdk/anthropic/2.0 opencode/1.18.33",
            "x-session-affinity": "ses_1",
            "x-parent-session-id": "ses_0",
        }
        body = {"system": "You are\n<env>\n  Working directory: /o\n</env>"}
        expected = Client(name="opencode", version="1.18.33", session="ses_1", parent_agent="ses_0", cwd="/o")
        self.assertEqual(ask(headers, body), expected)

    def test_kilo_under_its_name(self) -> None:
        """Kilo Code is made of OpenCode; where it sends fields of its own its user agent says less."""
        headers = {"user-agent": "opencode/7.7.7", "x-kilocode-version": "7.7.7", "x-session-affinity": "ses_1"}
        self.assertEqual(ask(headers), Client(name="kilo-code", version="7.7.7", session="ses_1"))
