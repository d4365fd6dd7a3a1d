"""Tests of what is known of each agent: how it is led here, what outranks that, how it is logged in."""

import json
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import StartError
from ccsproxy.launch.agent import BASE_URL, FORWARD, ServiceFacts, Surroundings
from ccsproxy.launch.environment import forward_environment, merged_exemptions
from ccsproxy.launch.registry import AGENTS, BY_NAME
from ccsproxy.launch.start import leading

UPSTREAMS = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com",
    "chatgpt": "https://chatgpt.com/backend-api/codex",
    "google": "https://generativelanguage.googleapis.com",
    "codeassist": "https://cloudcode-pa.googleapis.com",
}
SERVICE = ServiceFacts("http://127.0.0.1:8787", Path("/d/ca/ca.pem"), Path("/d/ca/bundle.pem"), UPSTREAMS)


class AgentCase(SynchronousTestCase):
    """A home directory and a project, both empty."""

    def setUp(self) -> None:
        self.home, self.cwd = Path(self.mktemp()), Path(self.mktemp())
        self.home.mkdir()
        self.cwd.mkdir()

    def around(self, **environment: str) -> Surroundings:
        """Return where the agent would be started."""
        return Surroundings(self.home, self.cwd, environment)

    def write(self, path: str, text: str) -> None:
        """Write a settings file below the home directory."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class LeadingTests(AgentCase):
    """Variables and arguments by which agents are led here."""

    def test_forwarding_needs_no_knowledge(self) -> None:
        """Every agent, and any program, is led by the same variables."""
        for agent in (*AGENTS, None):
            way = leading(agent, FORWARD, SERVICE, self.around())
            self.assertEqual(way.environment["HTTPS_PROXY"], SERVICE.proxy)
            self.assertEqual(way.environment["https_proxy"], SERVICE.proxy)
            self.assertEqual(way.environment["NODE_EXTRA_CA_CERTS"], str(SERVICE.ca))
            self.assertEqual(way.environment["SSL_CERT_FILE"], str(SERVICE.bundle))
            self.assertEqual(way.arguments, ())

    def test_an_authority_of_the_users_own_stays_trusted(self) -> None:
        """Where the user has named one, the bundle takes its place; it holds theirs, too."""
        way = forward_environment(SERVICE, {"NODE_EXTRA_CA_CERTS": "/corp.pem"})
        self.assertEqual(way.environment["NODE_EXTRA_CA_CERTS"], str(SERVICE.bundle))

    def test_exemptions_are_added_to(self) -> None:
        """This machine is exempt; what the user exempted stays so, and nothing is said twice."""
        self.assertEqual(merged_exemptions({}), "localhost,127.0.0.1,::1")
        self.assertEqual(merged_exemptions({"NO_PROXY": "corp.test, localhost"}), "corp.test,localhost,127.0.0.1,::1")

    def test_claude_by_base_url(self) -> None:
        """The variable that keeps Claude Code as it is comes with the base URL."""
        way = leading(BY_NAME["claude"], BASE_URL, SERVICE, self.around())
        self.assertEqual(
            way.environment,
            {"ANTHROPIC_BASE_URL": SERVICE.proxy, "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL": "1"},
        )

    def test_codex_by_base_url(self) -> None:
        """Codex takes it as an argument; which one depends on its login."""
        way = leading(BY_NAME["codex"], BASE_URL, SERVICE, self.around(OPENAI_API_KEY="x"))
        self.assertEqual(way.arguments, ("-c", 'openai_base_url="http://127.0.0.1:8787/openai/v1"'))
        self.write(".codex/auth.json", json.dumps({"tokens": {"access_token": "x"}}))
        way = leading(BY_NAME["codex"], BASE_URL, SERVICE, self.around())
        self.assertEqual(way.arguments[:2], ("-c", 'model_provider="ccsproxy"'))
        provider = tomllib.loads(way.arguments[3])["model_providers"]["ccsproxy"]
        self.assertEqual((provider["base_url"], provider["requires_openai_auth"]), (f"{SERVICE.proxy}/chatgpt", True))

    def test_gemini_by_base_url(self) -> None:
        """A Google login goes to Code Assist, a key to the Gemini API."""
        way = leading(BY_NAME["gemini"], BASE_URL, SERVICE, self.around())
        self.assertEqual(way.environment, {"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:8787/google"})
        self.write(".gemini/settings.json", '{"security": {"auth": {"selectedType": "oauth-personal"}}}')
        way = leading(BY_NAME["gemini"], BASE_URL, SERVICE, self.around())
        self.assertEqual(way.environment, {"CODE_ASSIST_ENDPOINT": "http://127.0.0.1:8787/codeassist"})

    def test_what_cannot_be_led_says_so(self) -> None:
        """An agent without a base URL, any program, and a service that lacks the upstream: one sentence each."""
        lacking = ServiceFacts(SERVICE.proxy, SERVICE.ca, SERVICE.bundle, {"lab": "http://lab.test"})
        for agent, service, word in (
            (BY_NAME["amp"], SERVICE, "Amp"),
            (None, SERVICE, "unknown program"),
            (BY_NAME["claude"], lacking, "'ccsproxy down'"),
        ):
            error = self.assertRaises(StartError, leading, agent, BASE_URL, service, self.around())
            self.assertIn(word, str(error))

    def test_every_agent_with_an_upstream_has_it(self) -> None:
        """The upstream that an agent's base URL leads to is one that a launcher's service has."""
        for agent in AGENTS:
            if agent.base_url is not None:
                self.assertIn(agent.upstream, UPSTREAMS)
                leading(agent, BASE_URL, SERVICE, self.around())


class OverruleTests(AgentCase):
    """Settings of the user's that come after a launcher's."""

    def test_claude_settings(self) -> None:
        """The project's and the user's files are looked at; a good file without our variables is no trouble."""
        self.write(".claude/settings.json", '{"env": {"ANTHROPIC_BASE_URL": "https://gw.test", "FOO": "1"}}')
        (self.cwd / ".claude").mkdir()
        (self.cwd / ".claude" / "settings.local.json").write_text('{"env": {"HTTPS_PROXY": "http://p.test"}}')
        found = BY_NAME["claude"].overrules(self.around())
        self.assertEqual([each.what for each in found], ["env.HTTPS_PROXY", "env.ANTHROPIC_BASE_URL"])

    def test_damaged_files_are_no_trouble(self) -> None:
        """What cannot be read says nothing: half a JSON text, another shape, a folder, a huge file."""
        for text in ("{", "[]", '{"env": 7}', '"x"', "\x00"):
            self.write(".claude/settings.json", text)
            self.assertEqual(BY_NAME["claude"].overrules(self.around()), [])
        self.write(".codex/config.toml", "model_provider = ")
        self.assertEqual(BY_NAME["codex"].overrules(self.around()), [])

    def test_other_providers(self) -> None:
        """Providers of the user's own are named with where they are, so that their host can be added."""
        self.write(
            ".codex/config.toml",
            'model_provider = "lab"\n[model_providers.lab]\nbase_url = "https://lab.test/v1"\n',
        )
        self.assertIn("https://lab.test/v1", BY_NAME["codex"].overrules(self.around())[0].what)
        self.write(
            ".config/opencode/opencode.json",
            '// mine\n{"provider": {"lab": {"options": {"baseURL": "https://lab.test"}}}}',
        )
        self.assertIn("lab.test", BY_NAME["opencode"].overrules(self.around())[0].what)


class LoginTests(AgentCase):
    """How an agent is logged in, as far as files and variables tell."""

    def test_claude(self) -> None:
        """A key in a variable, a token, a login file, the account, nothing."""
        claude = BY_NAME["claude"]
        self.assertEqual(claude.login(self.around()), "none")
        self.assertEqual(claude.login(self.around(ANTHROPIC_API_KEY="x")), "api-key")
        self.assertEqual(claude.login(self.around(CLAUDE_CODE_OAUTH_TOKEN="x")), "subscription")
        self.write(".claude.json", '{"oauthAccount": {"id": 1}}')
        self.assertEqual(claude.login(self.around()), "subscription")
