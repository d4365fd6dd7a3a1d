"""Metrics of shipping for each target: lag, and records accepted, refused and missed."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_COUNTERS = {
    "sent": ("ccsproxy_ship_records", "Records that a target has taken."),
    "refused": ("ccsproxy_ship_refused_records", "Records that a target would not take."),
    "missed": ("ccsproxy_ship_missed_records", "Records, at most, that were removed before a target had them."),
    "retries": ("ccsproxy_ship_retries", "How often something was sent again."),
}
_GAUGES = {
    "lag_s": ("ccsproxy_ship_lag_seconds", "Seconds since the oldest record ended that a target has not had."),
    "lag_bytes": ("ccsproxy_ship_lag_bytes", "Bytes on the disk that a target has not had, about."),
    "deletions": ("ccsproxy_ship_pending_deletions", "Sessions that a target still has to delete."),
}


def ship_metrics(ship: Mapping[str, Any] | None) -> Iterator[Metric]:
    """Yield the metrics of every target; a value that is not known is left out.

    :param ship: the member of health, null where nothing is shipped.
    """
    targets = (ship or {}).get("targets") or ()
    if not targets:
        return
    up = GaugeMetricFamily("ccsproxy_ship_ok", "1 when a target takes records, else 0.", labels=["target"])
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
