"""Metrics in Prometheus' text format, made from the health snapshot when they are asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from ccsproxy.api.connections import ConnectionLimit

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_COUNTERS = {
    "accepted": "Exchanges that capture was told of.",
    "stored": "Records that the store has accepted.",
    "dropped": "Records that were lost, by reason.",
    "request_count": "Requests since the start.",
    "capture_failures": "Failures of capture in the relay; each has cost the record of one exchange.",
}
_GAUGES = {
    "in_flight": "Exchanges that are running.",
    "queue_bytes": "Bytes that wait for the recorder.",
    "recorder_behind_s": "Seconds that the oldest ended exchange has waited for its record.",
    "uptime_s": "Seconds since the start.",
    "snapshot_age_s": "Seconds since the relay was last heard of.",
}
_NAMES = {
    "request_count": "requests",
    "recorder_behind_s": "recorder_behind_seconds",
    "uptime_s": "uptime_seconds",
    "snapshot_age_s": "snapshot_age_seconds",
}


class Exposition:
    """A collector over health; it has a registry of its own, so that nothing else is shown."""

    def __init__(
        self, health: Callable[[], Mapping[str, Any]], watchers: Callable[[], int], limit: ConnectionLimit
    ) -> None:
        self._health = health
        self._watchers = watchers
        self._crowd = limit
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric; one whose value is not known is left out."""
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
        text = "Connections to the API that were turned away because too many were open."
        yield CounterMetricFamily("ccsproxy_api_connections_refused", text, value=self._crowd.refused)
        for metric in health.get("metrics") or ():
            yield from _told(metric)


def _family(kind: Any, label: str, name: str, text: str, value: Any) -> Iterator[Metric]:
    full = f"ccsproxy_{_NAMES.get(name, name)}"
    if isinstance(value, Mapping):
        family = kind(full, text, labels=[label])
        for each, count in value.items():
            family.add_metric([str(each)], float(count))
        yield family
    elif isinstance(value, int | float):
        yield kind(full, text, value=float(value))


def _told(metric: Mapping[str, Any]) -> Iterator[Metric]:
    """Turn one of the relay's own metrics (name, help, type, samples of labels and value) into a family."""
    kind = CounterMetricFamily if metric.get("type") == "counter" else GaugeMetricFamily
    samples = metric.get("samples") or ()
    labels = sorted(samples[0][0]) if samples else []
    family = kind(str(metric["name"]), str(metric.get("help") or ""), labels=labels)
    for named, value in samples:
        family.add_metric([str(named[label]) for label in labels], float(value))
    yield family
