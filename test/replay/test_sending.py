"""Tests of sending a request again, over an upstream in memory."""

import json
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from ccsproxy.demo.answers import TEXT
from ccsproxy.demo.upstream import MockUpstream
from ccsproxy.exports.replay.comparison import ReplaySide
from ccsproxy.exports.replay.request import ReplayRequest
from ccsproxy.providers.price_book import list_price
from ccsproxy.proxy.errors import ConnectTimeout
from ccsproxy.replay.sending import ReplaySender

LOGIN = (("x-api-key", "k"),)


def request(body: Any, target: str = "/v1/messages") -> ReplayRequest:
    fields = (("content-type", "application/json"),)
    return ReplayRequest("POST", "", "anthropic", target, fields, json.dumps(body).encode(), body, frozenset())


class Seen(Resource):
    """Remembers what came, and hands it on."""

    isLeaf = True

    def __init__(self, inner: Resource) -> None:
        super().__init__()
        self.inner = inner

    def render(self, request: Any) -> Any:
        self.headers = request.requestHeaders
        return self.inner.render(request)


class SendingTests(SynchronousTestCase):
    """What is made of answers and failures."""

    def setUp(self) -> None:
        self.clock, self.heard = Clock(), list[str]()
        self.upstream = Seen(MockUpstream(self.clock, pace=0.1, think=1.0))
        self.stub = StubTreq(self.upstream)

    def send(self, asked: ReplayRequest) -> ReplaySide:
        stub = self.stub

        class Client:
            def request(self, method: str, path: str, **keywords: Any) -> Deferred[Any]:
                return stub.request(method, f"http://127.0.0.1{path}", **keywords)

        def price(model: str | None, usage: Any) -> Any:
            return list_price(model, usage, "2026-11-30", "anthropic")

        sender = ReplaySender(Client(), self.clock, "anthropic", price, self.heard.append)  # type: ignore[arg-type]
        waiting = Deferred.fromCoroutine(sender.send(asked, LOGIN, "again"))
        for _ in range(200):
            self.clock.advance(0.1)
            stub.flush()
        return self.successResultOf(waiting)

    def test_a_stream(self) -> None:
        body = {"model": "claude-sonnet-5", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        side = self.send(request(body))
        self.assertEqual((side.outcome, side.status, side.text, side.calls), ("complete", 200, TEXT, ["edit_file"]))
        self.assertEqual("".join(self.heard), TEXT)
        assert side.usage is not None and side.ttft_ms is not None and side.duration_ms is not None
        self.assertEqual((side.usage.output_tokens, side.model), (96, "claude-sonnet-5"))
        self.assertTrue(900 < side.ttft_ms < side.duration_ms)
        self.assertGreater(side.cost or 0.0, 0.0)
        self.assertEqual(self.upstream.headers.getRawHeaders("x-api-key"), ["k"])

    def test_an_answer_at_once(self) -> None:
        side = self.send(request({"model": "claude-sonnet-5", "messages": []}))
        self.assertEqual((side.outcome, side.text, self.heard), ("complete", TEXT, []))

    def test_an_error(self) -> None:
        side = self.send(request({}))
        self.assertEqual((side.outcome, side.status, side.error), ("http_error", 400, "model: Field required"))

    def test_no_answer(self) -> None:
        """A failure on the way is an outcome, as records have it."""

        class Unreachable:
            def request(self, *args: Any, **keywords: Any) -> Deferred[Any]:
                return fail(ConnectTimeout("It took too long."))

        sender = ReplaySender(Unreachable(), self.clock, "", lambda model, usage: None, self.heard.append)  # type: ignore[arg-type]
        side = self.successResultOf(Deferred.fromCoroutine(sender.send(request({"model": "m"}), (), "again")))
        self.assertEqual((side.outcome, side.status, side.error), ("upstream_timeout", None, "It took too long."))
