"""Tests of comparing two runs of an agent, and of the mock that they talk to."""

import json
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as Asked

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import StartError
from ccsproxy.launch.agent import Agent, Leading, ServiceFacts, Surroundings
from ccsproxy.launch.agents.plain import CLINE
from ccsproxy.launch.measuring.answers import answer
from ccsproxy.launch.measuring.differences import MeasuredRequest, compare, still
from ccsproxy.launch.measuring.measure import measure
from ccsproxy.launch.measuring.mock import MeasuringMock


def request(body: Any = None, *headers: tuple[str, str], target: str = "/v1/messages") -> MeasuredRequest:
    return MeasuredRequest("http", "POST", "api.example.com", target, headers, body)


class DifferenceTests(SynchronousTestCase):
    """What differs is named by its place; what changes from run to run is not."""

    def test_equal_but_for_ids_hashes_and_times(self) -> None:
        one = {
            "id": "849836b9-3d9d-4787-9e45-0d79f72c059f",
            "at": "2026-11-30T16:12:53.360Z",
            "h": "a" * 8 + "0" * 24,
        }
        other = {"id": "00000000-3d9d-4787-9e45-0d79f72c059f", "at": "2027-01-01T00:00:00Z", "h": "b" * 8 + "1" * 24}
        self.assertEqual(compare([request(one)], [request(other)]), [])
        self.assertEqual(still("took 12 ms, at_01a22d45-4681-7052-8ce8-000000000000"), "took <span>, at_<id>")

    def test_a_place(self) -> None:
        (found,) = compare([request({"tools": [{"name": "Bash"}]})], [request({"tools": [{"name": "Read"}]})])
        self.assertEqual((found.place, found.one, found.other), ("body.tools[0].name", "Bash", "Read"))

    def test_json_in_a_text_is_looked_into(self) -> None:
        one, other = ({"metadata": {"user_id": json.dumps({"plan": plan})}} for plan in ("a", "b"))
        self.assertEqual(
            [each.place for each in compare([request(one)], [request(other)])], ["body.metadata.user_id.plan"]
        )

    def test_fields_in_order_and_spelling(self) -> None:
        """The order and the letters of fields belong to the request; what belongs to the connection does not."""
        plain = request(None, ("Accept", "*/*"), ("X-A", "1"), ("Connection", "close"))
        turned = request(None, ("X-A", "1"), ("Accept", "*/*"), ("Connection", "keep-alive"))
        self.assertEqual([each.place for each in compare([plain], [turned])], ["order of fields"])
        lower = request(None, ("accept", "*/*"), ("X-A", "1"))
        self.assertIn("field Accept", [each.place for each in compare([plain], [lower])])

    def test_lists_say_what_is_missing(self) -> None:
        """Of a long list only what one of them lacks is said."""
        one = request(None, ("anthropic-beta", "alpha,beta,gamma,delta,epsilon"))
        other = request(None, ("anthropic-beta", "alpha,beta,gamma,delta"))
        (found,) = compare([one], [other])
        self.assertIn("without epsilon", found.text())

    def test_how_often(self) -> None:
        (found,) = compare([request(), request()], [request()])
        self.assertEqual((found.place, found.one, found.other), ("", "2", "1"))

    def test_parallel_calls_are_compared_with_their_like(self) -> None:
        """A title call may come before or after the main call."""
        title = request({"model": "haiku", "messages": [1]})
        main = request({"model": "opus", "messages": [1, 2], "tools": [1]})
        self.assertEqual(compare([title, main], [main, title]), [])

    def test_telemetry_is_compared_by_its_being_sent(self) -> None:
        where = "/api/event_logging/v2/batch"
        self.assertEqual(compare([request({"a": 1}, target=where)], [request({"a": 2}, target=where)] * 2), [])
        self.assertEqual(len(compare([request({}, target=where)], [])), 1)


class AnswerTests(SynchronousTestCase):
    """The mock answers each dialect's paths, and nothing that an agent would act upon for good."""

    def test_dialects(self) -> None:
        for path in (
            "/v1/messages",
            "/v1/responses",
            "/openai/v1/chat/completions",
            "/v1beta/models/m:generateContent",
        ):
            said = answer("POST", path, {"model": "m"})
            self.assertEqual((said.status, said.is_model_call), (200, True), path)
            self.assertIn(b"Hello.", said.body)
        self.assertIn(b"event: message_stop", answer("POST", "/v1/messages", {"model": "m", "stream": True}).body)

    def test_everything_else(self) -> None:
        said = answer("POST", "/oauth/token", None)
        self.assertEqual((said.status, said.is_model_call), (503, False))


class MockTests(SynchronousTestCase):
    """What is asked of the mock is remembered as it came."""

    def test_under_a_base_url(self) -> None:
        mock = MeasuringMock(lambda host: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.addCleanup(mock.close)
        asked = Asked(f"{mock.url}/v1/messages", b'{"model":"m"}', {"Content-Type": "application/json"})
        with build_opener(ProxyHandler({})).open(asked, timeout=10) as said:
            self.assertEqual(json.load(said)["type"], "message")
        (seen,) = mock.take()
        self.assertEqual((seen.target, seen.body, seen.host), ("/v1/messages", {"model": "m"}, ""))
        self.assertEqual(mock.take(), [])


#: An agent of three lines: it has one more tool where it is given a base URL.
_AGENT = """#!{python}
import json, os, sys, urllib.request
base = os.environ.get("FAKE_BASE_URL")
if "--version" in sys.argv: sys.exit(print("fake 1.2.3"))
body = dict(model="m", prompt=sys.argv[1], tools=["a", "b"] if base else ["a"])
asked = urllib.request.Request((base or "https://api.anthropic.com") + "/v1/messages", json.dumps(body).encode())
urllib.request.urlopen(asked).read()
"""


class MeasureTests(SynchronousTestCase):
    """An agent that changes under a base URL is found out."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        program = self.folder / "fake"
        program.write_text(_AGENT.format(python=sys.executable))
        program.chmod(0o755)
        self.surroundings = Surroundings(self.folder, self.folder, {"PATH": str(self.folder)})

    def agent(self, **more: Any) -> Agent:
        def based(service: ServiceFacts, surroundings: Surroundings) -> Leading:
            return Leading({"FAKE_BASE_URL": service.base("openai"), "NO_PROXY": "127.0.0.1"})

        given = {"base_url": based, "asking": ("{prompt}",), **more}
        return Agent(**{"name": "fake", "title": "Fake", "commands": ("fake",), **given})

    def test_both_ways(self) -> None:
        found = measure(self.agent(), self.surroundings)
        self.assertEqual((found.version, found.calls, found.trouble), ("1.2.3", (1, 1), ""))
        self.assertEqual({each.place for each in found.differences}, {"body.tools", "body.tools[1]"})
        self.assertEqual(found.sizes[1] - found.sizes[0], len(', "b"'))

    def test_an_agent_that_asks_nothing(self) -> None:
        (self.folder / "fake").write_text(f"#!{sys.executable}\n")
        found = measure(self.agent(), self.surroundings)
        self.assertIn("no model call by forwarding", found.trouble)

    def test_agents_that_cannot_be_measured(self) -> None:
        (self.folder / "cline").symlink_to(self.folder / "fake")
        for agent, words in ((CLINE, "cannot be measured"), (self.agent(commands=("absent",)), "not installed")):
            self.assertIn(words, str(self.assertRaises(StartError, measure, agent, self.surroundings)))
