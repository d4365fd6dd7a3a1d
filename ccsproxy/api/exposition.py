"""Metrics in Prometheus' text format, built from the health snapshot on request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from ccsproxy.api.connections import ConnectionLimit
from ccsproxy.api.ship_metrics import ship_metrics
from ccsproxy.insight.metrics.families import FAMILIES, Family
from ccsproxy.insight.metrics.tallies import Sample

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_COUNTERS = {
    "accepted": "Exchanges accepted by capture.",
    "stored": "Records accepted by the store.",
    "dropped": "Records that were lost, by reason.",
    "request_count": "Requests since the start.",
    "capture_failures": "Failures of capture in the relay; each cost the record of one exchange.",
}
_GAUGES = {
    "in_flight": "Exchanges in progress.",
    "queue_bytes": "Bytes waiting for the recorder.",
    "recorder_behind_s": "Seconds that the oldest ended exchange has waited for its record.",
    "uptime_s": "Seconds since the start.",
    "snapshot_age_s": "Seconds since the last health snapshot of the relay.",
}
_STORE_COUNTERS = {
    "write_failures": "Writes of records that failed; each is retried.",
    "bodies_dropped": "Records kept without their bodies because the disk was too slow.",
    "damaged_lines": "Damaged lines found in segments.",
    "unclean": "Exchanges of which only the beginning survived a crash.",
}
_STORE_GAUGES = {
    "queued": "Records waiting to be written.",
    "queue_bytes": "Bytes of the records waiting to be written.",
    "suspect_segments": "Segments modified by another program.",
}
_NAMES = {
    "request_count": "requests",
    "recorder_behind_s": "recorder_behind_seconds",
    "uptime_s": "uptime_seconds",
    "snapshot_age_s": "snapshot_age_seconds",
}


class Exposition:
    """A collector over health, with its own registry, so that nothing else is exposed."""

    def __init__(
        self,
        health: Callable[[], Mapping[str, Any]],
        watchers: Callable[[], int],
        limit: ConnectionLimit,
        samples: Callable[[], Iterable[Sample]] = lambda: (),
    ) -> None:
        """Create the collector.

        :param samples: returns the samples made from calls.
        """
        self._health = health
        self._watchers = watchers
        self._crowd = limit
        self._samples = samples
        # Describing would collect once more at startup, before the relay has sent its health.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric; one whose value is unknown is omitted."""
        health = self._health()
        yield InfoMetricFamily("ccsproxy", "What runs.", value={"version": str(health.get("version") or "")})
        up = GaugeMetricFamily("ccsproxy_store_ok", "1 when the store keeps everything, else 0.")
        if health.get("store") is not None:
            up.add_metric([], float(health["store"] == "ok"))
            yield up
        for name, text in _COUNTERS.items():
            yield from _family(CounterMetricFamily, "reason", name, text, health.get(name))
        for name, text in _GAUGES.items():
            yield from _family(GaugeMetricFamily, "kind", name, text, health.get(name))
        yield GaugeMetricFamily("ccsproxy_watchers", "Readers of the live events.", value=self._watchers())
        yield GaugeMetricFamily("ccsproxy_api_connections", "Open connections to the API.", value=len(self._crowd))
        text = "Connections to the API that were refused because too many were open."
        yield CounterMetricFamily("ccsproxy_api_connections_refused", text, value=self._crowd.refused)
        yield from _store(health.get("store_detail") or {})
        yield from ship_metrics(health.get("ship"))
        yield from _of_calls(self._samples())
        for metric in health.get("metrics") or ():
            yield from _relay_metric(metric)


def _family(kind: Any, label: str, name: str, text: str, value: Any) -> Iterator[Metric]:
    full = f"ccsproxy_{_NAMES.get(name, name)}"
    if isinstance(value, Mapping):
        family = kind(full, text, labels=[label])
        for each, count in value.items():
            family.add_metric([str(each)], float(count))
        yield family
    elif isinstance(value, int | float):
        yield kind(full, text, value=float(value))


def _relay_metric(metric: Mapping[str, Any]) -> Iterator[Metric]:
    """Convert one of the relay's own metrics (name, help, type, samples of labels and value) to a family."""
    kind = CounterMetricFamily if metric.get("type") == "counter" else GaugeMetricFamily
    samples = metric.get("samples") or ()
    # All samples of a family have the same labels, because the relay makes them in one place.
    labels = sorted(samples[0][0]) if samples else []
    family = kind(str(metric["name"]), str(metric.get("help") or ""), labels=labels)
    for named, value in samples:
        family.add_metric([str(named[label]) for label in labels], float(value))
    yield family


def _store(detail: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the store's own metrics."""
    for name, text in _STORE_COUNTERS.items():
        yield from _family(CounterMetricFamily, "kind", f"store_{name}", text, detail.get(name))
    for name, text in _STORE_GAUGES.items():
        yield from _family(GaugeMetricFamily, "kind", f"store_{name}", text, detail.get(name))
    index = detail.get("index") or {}
    if "state" in index:
        text = "1 when the index has all records, else 0."
        yield GaugeMetricFamily("ccsproxy_index_ok", text, value=float(index["state"] == "ok"))


def _of_calls(samples: Iterable[Sample]) -> Iterator[Metric]:
    """Yield the metrics made from calls, family by family."""
    by_family: dict[str, list[Sample]] = {}
    for each in samples:
        by_family.setdefault(each.family, []).append(each)
    for name, family in FAMILIES.items():
        # A family without samples would promise labels that are not known yet.
        if name in by_family:
            yield _summed(family, by_family[name])


def _summed(family: Family, samples: Iterable[Sample]) -> Metric:
    if not family.buckets:
        counter = CounterMetricFamily(family.name, family.help, labels=family.labels)
        for each in samples:
            counter.add_metric(each.labels, each.value)
        return counter
    histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*(f"{bound:g}" for bound in family.buckets), "+Inf"]
    for each in samples:
        counts = accumulate(each.buckets.get(number, 0) for number in range(len(bounds)))
        histogram.add_metric(each.labels, list(zip(bounds, counts, strict=True)), each.value)
    return histogram
