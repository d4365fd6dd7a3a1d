"""Tests of the way of a repeated call."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.request import ReplayRequest
from ccsproxy.replay.route import ReplayRoute, connect, route_of


def request(base: str, upstream: str) -> ReplayRequest:
    return ReplayRequest("POST", base, upstream, "/x", (), b"", None, frozenset())


RUNNING = {"proxy": ["http://127.0.0.1:8787/"], "upstreams": {"main": "https://api.anthropic.com/"}}


class WayTests(SynchronousTestCase):
    """Through the service where it knows the upstream, else straight."""

    def test_ways(self) -> None:
        url = "https://api.anthropic.com"
        self.assertEqual(
            route_of(request(url, "other"), RUNNING), ReplayRoute("http://127.0.0.1:8787/main", url, True)
        )
        self.assertEqual(route_of(request(url, "main"), None), ReplayRoute(url, url, False))
        groq = "https://api.groq.com/openai"
        self.assertEqual(route_of(request(groq, "groq"), RUNNING), ReplayRoute(groq, groq, False))

    def test_old_records(self) -> None:
        """They tell the name alone."""
        self.assertEqual(route_of(request("", "openai"), None).url, "https://api.openai.com")
        self.assertEqual(route_of(request("", "main"), RUNNING).url, "https://api.anthropic.com/")
        self.assertRaises(NotReplayable, route_of, request("", "nobody"), None)

    def test_what_cannot_be_asked(self) -> None:
        for base, environment in (("ftp://x", {}), ("https://x.example", {"https_proxy": "gopher://y"})):
            self.assertRaises(NotReplayable, connect, Clock(), base, environment)
