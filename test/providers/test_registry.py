"""Tests for `ccsproxy.providers.registry`."""

from urllib.parse import urlsplit

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.registry import PROVIDERS, provider_at, upstream_name, upstream_provider


class UpstreamTests(SynchronousTestCase):
    """A provider is known by its host, and by nothing that only resembles it."""

    def test_hosts(self) -> None:
        """The hosts of the common providers have their names."""
        for host, name, provider in [
            ("api.anthropic.com", "anthropic", "anthropic"),
            ("API.OpenAI.com", "openai", "openai"),
            ("chatgpt.com", "chatgpt", "openai"),
            ("generativelanguage.googleapis.com", "google", "google"),
            ("cloudcode-pa.googleapis.com", "codeassist", "google"),
            ("us-east5-aiplatform.googleapis.com", "vertex", "vertex"),
            ("aiplatform.googleapis.com", "vertex", "vertex"),
            ("mine.openai.azure.com", "azure", "azure"),
            ("mine.services.ai.azure.com", "foundry", "azure"),
            ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock", "bedrock"),
            ("openrouter.ai", "openrouter", "openrouter"),
            ("api.deepseek.com", "deepseek", "deepseek"),
            ("api.mistral.ai", "mistral", "mistral"),
            ("api.groq.com", "groq", "groq"),
            ("api.x.ai", "xai", "xai"),
            ("api.moonshot.cn", "moonshot", "moonshot"),
            ("api.kimi.com", "moonshot", "moonshot"),
        ]:
            self.assertEqual((upstream_name(host), upstream_provider(host)), (name, provider), host)

    def test_local_servers(self) -> None:
        """Servers of this machine are told apart by their port."""
        for host in ("localhost", "127.0.0.1", "::1"):
            self.assertEqual((upstream_name(host, 11434), upstream_provider(host, 11434)), ("ollama", "ollama"))
            self.assertEqual(upstream_name(host, 1234), "lmstudio")
            self.assertEqual((upstream_name(host, 80), upstream_provider(host)), (host, ""))

    def test_others(self) -> None:
        """Any other upstream is named after its host."""
        for host in ("llm.example.org", "api.anthropic.com.evil.example", "notopenai.com", "amazonaws.com"):
            self.assertEqual((upstream_name(host, 11434), upstream_provider(host)), (host, ""))

    def test_every_url_is_its_own_provider(self) -> None:
        """The address of each provider leads back to it, and names are unique."""
        self.assertEqual(len({provider.name for provider in PROVIDERS}), len(PROVIDERS))
        for provider in PROVIDERS:
            if provider.url:
                self.assertIs(provider_at(urlsplit(provider.url).hostname or ""), provider)
