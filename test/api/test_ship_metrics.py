"""Metrics of shipping."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.ship_metrics import ship_metrics
from ccsproxy.dashboard.answers.health_page import _shipping
from ccsproxy.ship.status import Status

SHIP = {
    "state": "degraded",
    "hold_bytes": 1 << 30,
    "targets": [
        Status(target="file:///a", state="ok", sent=5, lag_s=0.0, lag_bytes=0).as_dict(),
        Status(target="s3://b", state="waiting", trouble="it is <away>", refused=2, missed=3, deletions=1).as_dict(),
    ],
}


class _Shipping:
    def collect(self) -> object:
        return ship_metrics(SHIP)


class ShipMetricsTests(SynchronousTestCase):
    """One sample a target; nothing where nothing is shipped."""

    def test_samples(self) -> None:
        """A lag that is not known is left out, not 0."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Shipping())  # type: ignore[arg-type]
        text = generate_latest(registry).decode()
        for line in (
            'ccsproxy_ship_ok{target="file:///a"} 1.0',
            'ccsproxy_ship_ok{target="s3://b"} 0.0',
            'ccsproxy_ship_records_total{target="file:///a"} 5.0',
            'ccsproxy_ship_refused_records_total{target="s3://b"} 2.0',
            'ccsproxy_ship_missed_records_total{target="s3://b"} 3.0',
            'ccsproxy_ship_lag_seconds{target="file:///a"} 0.0',
        ):
            self.assertIn(line + "\n", text)
        self.assertNotIn('ccsproxy_ship_lag_seconds{target="s3://b"}', text)
        self.assertEqual(list(ship_metrics(None)), [])

    def test_page(self) -> None:
        """The page of health says the same in words."""
        said = repr(_shipping(SHIP))
        self.assertIn("it is <away>", said)
        self.assertIn("at most 3 missed, 1 deletions pending", said)
        self.assertIsNone(_shipping({}))
