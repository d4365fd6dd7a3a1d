"""Metrics of shipping for each target: lag, and records accepted, refused and missed."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_COUNTERS = {
    "sent": ("ccsproxy_ship_records", "Records accepted by a target."),
    "refused": ("ccsproxy_ship_refused_records", "Records rejected by a target."),
    "missed": ("ccsproxy_ship_missed_records", "Upper bound of the records removed before a target had them."),
    "retries": ("ccsproxy_ship_retries", "Number of retries."),
}
_GAUGES = {
    "lag_s": (
        "ccsproxy_ship_lag_seconds",
        "Seconds since the end of the oldest record that a target does not have yet.",
    ),
    "lag_bytes": ("ccsproxy_ship_lag_bytes", "Approximate bytes on disk that a target does not have yet."),
    "deletions": ("ccsproxy_ship_pending_deletions", "Sessions that a target still has to delete."),
}


def ship_metrics(ship: Mapping[str, Any] | None) -> Iterator[Metric]:
    """Yield the metrics of every target; an unknown value is omitted.

    :param ship: the member of health, null if nothing is shipped.
    """
    targets = (ship or {}).get("targets") or ()
    if not targets:
        return
    up = GaugeMetricFamily("ccsproxy_ship_ok", "1 when a target accepts records, else 0.", labels=["target"])
    for each in targets:
        up.add_metric([each["target"]], float(each["state"] == "ok"))
    yield up
    for kind, table in ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)):
        for member, (name, text) in table.items():
            family = kind(name, text, labels=["target"])
            for each in targets:
                if each.get(member) is not None:
                    family.add_metric([each["target"]], float(each[member]))
            yield family
