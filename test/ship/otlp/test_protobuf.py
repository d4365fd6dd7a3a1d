"""OTLP requests: what is written reads the same, and odd values stop nothing."""

import attr
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.otlp import metrics as metrics_module
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.metrics import FAMILIES, CallMetrics
from ccsproxy.ship.otlp.protobuf import metrics_request, refused_spans, trace_request
from ccsproxy.ship.otlp.span import Span, TraceContext
from test.ship.otlp.conventions import ATTRIBUTES, METRICS
from test.ship.otlp.test_calls import record

SPAN = Span(
    b"12345678", TraceContext(b"1234567890123456", b"abcdefgh"), "chat m", 1_796_000_000_000, 1_796_000_001_500.5,
    {"a": "b", "n": 5, "d": 0.5, "t": True, "l": ["x", "y"]}, (("service.name", "claude-code"),), client=True,
)  # fmt: skip


class TraceTests(SynchronousTestCase):
    """Trace requests."""

    def read(self, *spans: Span) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        request.ParseFromString(trace_request(spans))
        return request

    def test_whole(self) -> None:
        """A span with every kind of value; spans of one resource stand together."""
        other = attr.evolve(SPAN, span_id=b"87654321", resource=(("service.name", "codex"),), failed="no")
        request = self.read(SPAN, other, attr.evolve(SPAN, span_id=b"11111111"))
        self.assertEqual([len(each.scope_spans[0].spans) for each in request.resource_spans], [2, 1])
        scope = request.resource_spans[0].scope_spans[0]
        self.assertEqual(scope.scope.attributes[0].value.string_value, names.CONVENTIONS)
        span = scope.spans[0]
        self.assertEqual((span.trace_id, span.parent_span_id), (b"1234567890123456", b"abcdefgh"))
        self.assertEqual(span.end_time_unix_nano - span.start_time_unix_nano, 1_500_500_000)
        values = {each.key: each.value for each in span.attributes}
        self.assertEqual((values["n"].int_value, values["d"].double_value, values["t"].bool_value), (5, 0.5, True))
        self.assertEqual([each.string_value for each in values["l"].array_value.values], ["x", "y"])
        failed = request.resource_spans[1].scope_spans[0].spans[0].status
        self.assertEqual((failed.code, failed.message), (2, "no"))
        self.assertEqual(span.status.code, 0)

    def test_odd_values(self) -> None:
        """Lone surrogates, huge numbers and times that go backwards are written as near as can be."""
        odd = attr.evolve(SPAN, name="\ud800", attributes={"\udfff": "a\ud800b", "n": 1 << 80}, end_ms=5.0)
        span = self.read(odd).resource_spans[0].scope_spans[0].spans[0]
        self.assertEqual(span.name, "?")
        self.assertEqual(span.attributes[0].value.string_value, "a?b")
        self.assertEqual(span.attributes[1].value.int_value, (1 << 63) - 1)
        self.assertEqual(span.end_time_unix_nano, span.start_time_unix_nano)

    def test_partial_success(self) -> None:
        """How many were refused, and why; an empty answer refuses none; nonsense is no answer."""
        partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
        answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
        self.assertEqual(refused_spans(answer), (3, "too old"))
        self.assertEqual(refused_spans(b""), (0, ""))
        self.assertRaises(ValueError, refused_spans, b"<html>")


class MetricsTests(SynchronousTestCase):
    """Metrics requests."""

    def test_whole(self) -> None:
        """Names, instruments, units and attributes are the conventions'; sums are cumulative since the beginning."""
        sums = CallMetrics(100.0)
        for _ in range(3):
            sums.add(record())
        sums.add(record(category="telemetry"))
        request = ExportMetricsServiceRequest()
        families = list(FAMILIES.values())
        request.ParseFromString(metrics_request({"service.name": "x"}, families, sums.samples(), 100.0, 160.0))
        found = {each.name: each for each in request.resource_metrics[0].scope_metrics[0].metrics}
        for name, metric in found.items():
            kind, unit = METRICS[name]
            self.assertEqual((metric.WhichOneof("data"), metric.unit), ({"counter": "sum"}.get(kind, kind), unit))
            data = getattr(metric, metric.WhichOneof("data"))
            self.assertEqual(data.aggregation_temporality, 2)
            for point in data.data_points:
                self.assertEqual((point.start_time_unix_nano, point.time_unix_nano), (100 * 10**9, 160 * 10**9))
                self.assertLessEqual({each.key for each in point.attributes}, ATTRIBUTES.keys())
        duration = found[names.DURATION].histogram.data_points[0]
        self.assertEqual((duration.count, duration.sum), (3, 4.5))
        self.assertEqual(sum(duration.bucket_counts), 3)
        self.assertEqual(len(duration.bucket_counts), len(duration.explicit_bounds) + 1)
        self.assertEqual(found[names.USED_INPUT].sum.data_points[0].as_int, 2250)
        self.assertNotIn(names.USED_REASONING, found)
        self.assertLessEqual(found.keys(), METRICS.keys())
        self.assertEqual({each[0].name for each in families}, METRICS.keys())

    def test_models_without_end(self) -> None:
        """Ten thousand models are few points, and no call less."""
        self.patch(metrics_module, "MOST_SETS", 20)
        sums = CallMetrics(0.0)
        for number in range(10_000):
            sums.add(record(model=f"m{number}"))
        durations = [each for each in sums.samples() if each.family == names.DURATION]
        self.assertEqual(len(durations), 21)
        self.assertEqual(sum(sum(each.buckets.values()) for each in durations), 10_000)
