"""The OTLP target: what it sends, what answers mean, and what it does when one is lost."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from twisted.internet import reactor
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import LineBatch, ShippedLine
from ccsproxy.ship.otlp import target as module
from ccsproxy.ship.otlp.target import OtlpTarget, bodies
from ccsproxy.ship.registry import make_target
from ccsproxy.ship.reply import Reply
from ccsproxy.ship.target import Rejected, TargetContext, Unavailable
from test.ship.otlp.test_protobuf import SPAN
from test.store.records import record

URL = "otlp+https://collector.example/api/public/otel"


class Server:
    """Answers what it is asked; `ccsproxy.ship.http.TargetClient` without a network."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes, dict[str, str]]] = []
        self.replies: list[Reply] = []

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        self.posts.append((url, gzip.decompress(body), headers))
        return self.replies.pop(0) if self.replies else Reply(200, {})

    async def close(self) -> None:
        self.posts.append(("close", b"", {}))


def batch(*numbers: int, data: bytes | None = None) -> LineBatch:
    made = [msgspec.structs.replace(record(number), duration_ms=5.0) for number in numbers]
    lines = [ShippedLine(each.seq * 10, data or codec.encode(each)) for each in made]
    return LineBatch("box", "seg", 0, 100, lines)


class TargetTests(SynchronousTestCase):
    """One target with a server of its own."""

    def setUp(self) -> None:
        self.patch(module, "deferToThread", lambda work, *arguments: succeed(work(*arguments)))
        self.now, self.time = 1000.0, Clock()
        self.server = Server()
        self.target = self.make()

    def make(self, **more: Any) -> OtlpTarget:
        headers = Credentials(headers={"Authorization": "Basic eA=="})
        around = TargetContext(reactor, ship_address(URL), headers, "box", str(Path(self.mktemp())), **more)
        target = make_target(around)
        assert isinstance(target, OtlpTarget)
        target._client = self.server  # type: ignore[assignment]
        target._clock = lambda: self.now
        target._reactor, target._metrics_at = self.time, 0.0
        return target

    def send(self, *numbers: int, **more: Any) -> Any:
        from twisted.internet.defer import ensureDeferred

        return self.successResultOf(ensureDeferred(self.target.send(batch(*numbers, **more))))

    def spans(self, at: int = -1) -> Any:
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.server.posts[at][1])
        return request.resource_spans[0].scope_spans[0].spans

    def test_a_batch(self) -> None:
        """One request with the spans of a batch, with what the server asks for."""
        self.assertEqual(self.send(1, 2, 3).refused, 0)
        url, _, headers = self.server.posts[0]
        self.assertEqual(url, "https://collector.example/api/public/otel/v1/traces")
        self.assertEqual(headers["Content-Type"], "application/x-protobuf")
        self.assertEqual(headers["Authorization"], "Basic eA==")
        self.assertEqual(
            sorted(span.name for span in self.spans()), ["chat m", "chat m", "chat m", "invoke_agent", "session"]
        )

    def test_again(self) -> None:
        """A batch whose answer was lost is sent as the same spans."""
        self.server.replies = [Reply(503, {"retry-after": "7"})]
        failed = self.failed(1, 2)
        self.assertEqual((type(failed), failed.retry_after), (Unavailable, 7.0))
        self.send(1, 2)
        first, second = ({span.span_id for span in self.spans(at)} for at in (0, 1))
        self.assertEqual(first, second)

    def failed(self, *numbers: int) -> Any:
        from twisted.internet.defer import ensureDeferred

        return self.failureResultOf(ensureDeferred(self.target.send(batch(*numbers)))).value

    def test_statuses(self) -> None:
        """What is refused for good is divided by the pump; all else comes again."""
        later, never = (401, 404, 429, 500, 502, 503, 504), (400, 413)
        for status, kind in [*((each, Unavailable) for each in later), *((each, Rejected) for each in never)]:
            self.server.replies = [Reply(status, {})]
            self.assertIsInstance(self.failed(1), kind, status)

    def test_partial_success(self) -> None:
        """Refused spans are counted, and not sent again."""
        partial = ExportTracePartialSuccess(rejected_spans=2, error_message="too large")
        answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
        self.server.replies = [Reply(200, {}, answer)]
        self.assertEqual(self.send(1, 2, 3).refused, 2)
        self.server.replies = [Reply(200, {}, b"fine")]
        self.assertEqual(self.send(4).refused, 0)

    def test_no_record(self) -> None:
        """A line that is none is counted as refused, and costs no other."""
        self.assertEqual(self.send(1, data=b'{"schema_version":99,"crc32":"00000000"}\n').refused, 1)
        self.assertEqual(self.server.posts, [])

    def test_long_batches(self) -> None:
        """Requests are divided below the bound; a span that is longer alone goes alone."""
        spans = [SPAN] * 50
        whole = list(bodies(spans))
        self.assertEqual(len(whole), 1)
        parts = list(bodies(spans, 1000))
        self.assertGreater(len(parts), 5)
        self.assertLess(max(map(len, parts)), 1000)
        self.assertEqual(len(list(bodies(spans, 10))), 50)
        self.assertEqual(list(bodies([])), [])

    def test_metrics(self) -> None:
        """Sums go every ten seconds and at the end; a batch that was refused is in none."""
        self.send(1, 2)
        self.server.replies = [Reply(503, {})]
        self.failed(3)
        self.time.advance(11)
        self.send(3)
        urls = [url.rpartition("/v1/")[2] for url, _, _ in self.server.posts]
        self.assertEqual(urls, ["traces", "traces", "traces", "metrics"])
        request = ExportMetricsServiceRequest()
        request.ParseFromString(self.server.posts[-1][1])
        self.assertEqual(request.resource_metrics[0].resource.attributes[1].value.string_value, "box")

    def test_no_metrics_there(self) -> None:
        """A server that takes none is asked once; trouble with metrics holds no batch up."""
        for status in (503, 404):
            self.server.replies = [Reply(200, {}), Reply(status, {})]
            self.time.advance(11)
            self.assertEqual(self.send(1).refused, 0)
        self.time.advance(11)
        self.send(2)
        urls = [url.rpartition("/v1/")[2] for url, _, _ in self.server.posts]
        self.assertEqual(urls, ["traces", "metrics", "traces", "metrics", "traces"])
