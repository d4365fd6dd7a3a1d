"""Tests of what ``ccsproxy serve`` says to people, and how it reads its options."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.build import build_config
from ccsproxy.errors import ConfigError
from ccsproxy.tools.main import build_parser
from ccsproxy.tools.service.serve import banner, config_of

PROXY = "http://127.0.0.1:8787"


class BannerTests(SynchronousTestCase):
    """The banner fits the upstreams."""

    def banner(self, *upstreams: str, **more: list[str]) -> str:
        """Return the banner for some upstreams."""
        return banner(build_config({"upstream": list(upstreams), **more}), [PROXY], ["http://127.0.0.1:8788/"])

    def test_hints_fit_the_upstreams(self) -> None:
        """The first upstream has the plain address, others their name in front of the path."""
        said = self.banner("https://api.anthropic.com", "https://api.openai.com")
        self.assertIn(f"ANTHROPIC_BASE_URL={PROXY} _CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL=1 claude", said)
        self.assertIn(f'openai_base_url="{PROXY}/openai/v1"', said)
        self.assertIn("http://127.0.0.1:8788", said)

    def test_logins_have_recipes_of_their_own(self) -> None:
        """A ChatGPT login needs a provider of its own under the backend's path, a Google login another variable."""
        for url in ("https://chatgpt.com", "https://chatgpt.com/backend-api/codex"):
            said = self.banner(f"chatgpt={url}")
            base = PROXY if url.endswith("codex") else f"{PROXY}/backend-api/codex"
            self.assertIn(f'base_url="{base}",wire_api="responses",requires_openai_auth=true', said)
            self.assertNotIn("ANTHROPIC_BASE_URL", said)
        said = self.banner("https://api.anthropic.com", "https://cloudcode-pa.googleapis.com")
        self.assertIn(f"CODE_ASSIST_ENDPOINT={PROXY}/codeassist gemini", said)
        self.assertNotIn("GOOGLE_GEMINI_BASE_URL", said)
        self.assertNotIn(" claude", self.banner("https://api.openai.com"))

    def test_unredacted_records_are_warned_about(self) -> None:
        """The warning is there when redaction is off, and only then."""
        self.assertNotIn("WARNING", self.banner("https://api.anthropic.com"))
        self.assertIn("WARNING", self.banner("https://api.anthropic.com", **{"no-redact": ["x"]}))


class ServeOptionsTests(SynchronousTestCase):
    """``serve`` takes what twistd takes."""

    def config(self, *argv: str) -> object:
        """Read a command line."""
        return config_of(build_parser(["serve"]).parse_args(["serve", *argv]))

    def test_options_and_file(self) -> None:
        """Switches, repeated options and a file; the command line wins."""
        file = Path(self.mktemp())
        file.write_text("proxy-port = 1\nidle-timeout = 5\nno-api = true\n")
        config = self.config("--config", str(file), "--upstream", "http://127.0.0.1:1", "--proxy-port", "2")
        self.assertEqual((config.proxy_port, config.idle_timeout, config.no_api), (2, 5.0, True))

    def test_mistakes(self) -> None:
        """They are the same errors as everywhere."""
        self.assertRaises(ConfigError, self.config, "--upstream", "ftp://x")
        self.assertRaises(ConfigError, self.config)
