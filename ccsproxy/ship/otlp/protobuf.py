"""Spans and metrics as OTLP requests: the only place that knows ``opentelemetry-proto``."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ccsproxy import __version__
from ccsproxy.insight.metrics.families import Family
from ccsproxy.insight.metrics.tallies import Sample
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.span import Span, Value

#: The latest time that a span can have, in milliseconds since the epoch (year 2554).
LAST_MS = 1.8e13
#: The largest whole number that an attribute can hold.
_LARGEST = (1 << 63) - 1


def trace_request(spans: Iterable[Span]) -> bytes:
    """Encode spans as the body of a POST to ``/v1/traces``."""
    by_resource: dict[tuple[tuple[str, str], ...], list[Span]] = {}
    for span in spans:
        by_resource.setdefault(span.resource, []).append(span)
    request = ExportTraceServiceRequest()
    for resource, members in by_resource.items():
        of_resource = request.resource_spans.add(resource=Resource(attributes=_pairs(dict(resource))))
        of_scope = of_resource.scope_spans.add(scope=_scope())
        of_scope.spans.extend(map(_span, members))
    return request.SerializeToString()


def refused_spans(body: bytes) -> tuple[int, str]:
    """Parse the response to a trace request: how many spans were rejected, and why.

    :raises ValueError: if it is invalid.
    """
    return _partial(ExportTraceServiceResponse, body, "rejected_spans")


def metrics_request(
    resource: dict[str, str],
    families: Iterable[tuple[Family, str]],
    samples: Iterable[Sample],
    since_s: float,
    now_s: float,
) -> bytes:
    """Encode sums and histograms since a start time as the body of a POST to ``/v1/metrics``.

    They are cumulative: Prometheus rejects deltas with a status that a client would retry for ever.

    :param families: each with its unit.
    """
    by_family: dict[str, list[Sample]] = {}
    for sample in samples:
        by_family.setdefault(sample.family, []).append(sample)
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add(resource=Resource(attributes=_pairs(dict(resource))))
    of_scope = of_resource.scope_metrics.add(scope=_scope())
    times = {"start_time_unix_nano": int(since_s * 1e9), "time_unix_nano": int(now_s * 1e9)}
    for family, unit in families:
        found = by_family.get(family.name)
        if found:
            of_scope.metrics.append(_metric(family, unit, found, times))
    return request.SerializeToString()


def refused_points(body: bytes) -> tuple[int, str]:
    """Parse the response to a metrics request: how many points were rejected, and why.

    :raises ValueError: if it is invalid.
    """
    return _partial(ExportMetricsServiceResponse, body, "rejected_data_points")


def _partial(kind: Any, body: bytes, member: str) -> tuple[int, str]:
    answer = kind()
    try:
        answer.ParseFromString(body)
    except Exception:  # protobuf's own error has no public name in all of its implementations
        raise ValueError("the answer is not an OTLP response") from None
    partial = answer.partial_success
    return int(getattr(partial, member)), partial.error_message


def _metric(family: Family, unit: str, samples: list[Sample], times: dict[str, int]) -> metrics_pb2.Metric:
    metric = metrics_pb2.Metric(name=family.name, description=family.help, unit=unit)
    cumulative = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
    for each in samples:
        labels = {name: value for name, value in zip(family.labels, each.labels, strict=True) if value}
        attributes = _pairs(
            {name: int(value) if name == names.SERVER_PORT else value for name, value in labels.items()}
        )
        if family.buckets:
            counts = [each.buckets.get(number, 0) for number in range(len(family.buckets) + 1)]
            metric.histogram.aggregation_temporality = cumulative
            metric.histogram.data_points.add(
                attributes=attributes, count=sum(counts), sum=each.value, bucket_counts=counts,
                explicit_bounds=family.buckets, **times,
            )  # fmt: skip
        else:
            metric.sum.aggregation_temporality, metric.sum.is_monotonic = cumulative, True
            metric.sum.data_points.add(attributes=attributes, as_int=int(each.value), **times)
    return metric


def _told(labels: dict[str, str]) -> dict[str, Value]:
    """Omit unknown labels, and convert a port to a number."""
    return {name: int(value) if name == names.SERVER_PORT else value for name, value in labels.items() if value}


def _scope() -> InstrumentationScope:
    version = _pairs({names.CONVENTIONS_OF_SCOPE: names.CONVENTIONS})
    return InstrumentationScope(name=names.SCOPE, version=__version__, attributes=version)


def _span(span: Span) -> trace_pb2.Span:
    made = trace_pb2.Span(
        trace_id=span.context.trace_id,
        span_id=span.span_id,
        parent_span_id=span.context.parent,
        trace_state=_text(span.context.state),
        flags=int(span.context.sampled),
        name=_text(span.name),
        kind=trace_pb2.Span.SPAN_KIND_CLIENT if span.client else trace_pb2.Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_nanoseconds(span.start_ms),
        end_time_unix_nano=_nanoseconds(max(span.end_ms, span.start_ms)),
        attributes=_pairs(span.attributes),
    )
    if span.failed is not None:
        made.status.code, made.status.message = trace_pb2.Status.STATUS_CODE_ERROR, _text(span.failed)
    return made


def _nanoseconds(ms: float) -> int:
    """Return a time in nanoseconds, with microsecond precision: a float since the epoch has no more.

    Times of other calls in the session may be out of range; they are clamped, so that the span can be sent.
    """
    return round(min(max(ms, 0.0), LAST_MS) * 1000) * 1000


def _pairs(attributes: Any) -> list[KeyValue]:
    return [KeyValue(key=_text(name), value=_value(value)) for name, value in attributes.items()]


def _value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=max(-_LARGEST, min(value, _LARGEST)))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(_value, value)))
    return AnyValue(string_value=_text(value))


def _text(text: str) -> str:
    """Return text that protobuf accepts: lone surrogates, which UTF-8 cannot encode, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
