"""Programs that call with an SDK and say nothing more."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Client
from test.clients.asking import ask


class SdkTests(SynchronousTestCase):
    """Plain SDKs."""

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
            self.assertEqual(ask({"user-agent": agent}, body), Client(name=name, version=version))
