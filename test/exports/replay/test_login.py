"""Tests of taking somebody's login for a request that is sent again."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.login import login_for
from ccsproxy.exports.replay.request import ReplayRequest


def request(base: str, upstream: str, *shown: str) -> ReplayRequest:
    return ReplayRequest("POST", base, upstream, "/x", (), b"", None, frozenset(shown))


ANTHROPIC = "https://api.anthropic.com"
OWN = {"ANTHROPIC_API_KEY": "mine", "ANTHROPIC_AUTH_TOKEN": "token", "OPENAI_API_KEY": "other"}


class LoginTests(SynchronousTestCase):
    """Which credential, and for whom."""

    def test_as_the_agent_was_let_in(self) -> None:
        by_key = login_for(request(ANTHROPIC, "anthropic", "x-api-key"), OWN, {})
        by_token = login_for(request(ANTHROPIC, "anthropic", "authorization"), OWN, {})
        self.assertEqual((by_key, by_token), ((("x-api-key", "mine"),), (("authorization", "Bearer token"),)))

    def test_otherwise_where_there_is_no_other(self) -> None:
        found = login_for(request(ANTHROPIC, "anthropic", "authorization"), {"ANTHROPIC_API_KEY": "mine"}, {})
        self.assertEqual(found, (("x-api-key", "mine"),))

    def test_none(self) -> None:
        self.assertEqual(login_for(request("http://127.0.0.1:11434", "ollama"), {}, {}), ())
        error = self.assertRaises(NotReplayable, login_for, request(ANTHROPIC, "x", "x-api-key"), {}, {})
        self.assertIn("set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN)", str(error))

    def test_the_host_decides_and_not_the_name(self) -> None:
        """A record that calls another's host by a provider's name gets no key of that provider."""
        stranger = request("https://api.anthropic.com.example.net", "anthropic", "x-api-key")
        error = self.assertRaises(NotReplayable, login_for, stranger, OWN, {})
        self.assertIn("no provider that is known", str(error))
        misnamed = request("https://api.openai.com", "anthropic", "authorization")
        self.assertEqual(login_for(misnamed, OWN, {}), (("authorization", "Bearer other"),))

    def test_an_upstream_of_the_users(self) -> None:
        """The running service's upstreams may be shown what is kept under their names."""
        url = "https://models.corp.example"
        own = request(url, "corp", "authorization")
        self.assertEqual(login_for(own, {"CORP_API_KEY": "k"}, {"corp": url}), (("authorization", "Bearer k"),))
        self.assertRaises(NotReplayable, login_for, own, {"CORP_API_KEY": "k"}, {"corp": "https://elsewhere.example"})

    def test_this_machine(self) -> None:
        here = request("http://127.0.0.1:8000", "anthropic", "x-api-key")
        self.assertEqual(login_for(here, OWN, {}), (("x-api-key", "mine"),))
