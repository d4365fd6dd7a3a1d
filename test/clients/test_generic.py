"""Callers of whom nothing is known but how they name themselves."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import SID, ask


class GenericTests(SynchronousTestCase):
    """Anyone else."""

    def test_generic(self) -> None:
        """Anyone else is named as they name themselves; nobody is nobody."""
        self.assertEqual(ask({"user-agent": "curl/8.5.0"}), Client(name="curl", version="8.5.0"))
        self.assertEqual(ask({}), Client())
        self.assertEqual(ask({"user-agent": "KimiCLI/1.2"}, {"prompt_cache_key": SID}).session, SID)
        self.assertEqual(ask({"user-agent": "x/1", "x-grok-session-id": SID}).session, SID)
