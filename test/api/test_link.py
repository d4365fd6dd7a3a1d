"""The link between relay and API server: order, bounds, and what is said when something was dropped."""

from collections.abc import Mapping
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.link import ApiEnd, ApiListener, RelayEnd, Settings
from ccsproxy.insight.metrics.tallies import Sample

SETTINGS = Settings(
    data_dir="/d",
    run="run",
    started=1.5,
    facts={"pid": 1},
    upstreams={},
    listeners=[ApiListener(4, 2)],
    token="secret",
)


class Hearing:
    """Keeps what the API server is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def settings(self, settings: Settings) -> None:
        self.told.append(settings)

    def event(self, event: dict[str, Any]) -> None:
        self.told.append(event["seq"])

    def health(self, snapshot: Mapping[str, Any]) -> None:
        self.told.append(("health", snapshot["n"]))

    def metrics(self, samples: list[Sample]) -> None:
        self.told.append({(each.family, *each.labels): (each.value, each.buckets) for each in samples})

    def lost(self, count: int) -> None:
        self.told.append(("lost", count))

    def ended(self) -> None:
        self.told.append("ended")


class LinkTests(SynchronousTestCase):
    """Both ends."""

    def setUp(self) -> None:
        self.transport = StringTransport()
        self.relay = RelayEnd(SETTINGS, kept=3)
        self.relay.makeConnection(self.transport)

    def heard(self, size: int = 1 << 16) -> list[Any]:
        """Return what an API server makes of what was sent, in pieces of a size."""
        hearing = Hearing()
        server = ApiEnd(hearing)
        server.makeConnection(StringTransport())
        data = self.transport.value()
        for start in range(0, len(data), size):
            server.dataReceived(data[start : start + size])
        return hearing.told

    def test_settings_first(self) -> None:
        """The settings are the first thing said, whole, at any size of reads."""
        self.relay.event({"seq": 1})
        self.relay.health({"n": 1})
        for size in (1, 7, 1 << 16):
            self.assertEqual(self.heard(size), [SETTINGS, 1, ("health", 1)])

    def test_slow_server(self) -> None:
        """What a slow server cannot take is kept up to the bound, then counted; of health, the latest is kept."""
        self.assertIs(self.transport.producer, self.relay)
        self.relay.pauseProducing()
        for seq in range(1, 8):
            self.relay.event({"seq": seq})
            self.relay.health({"n": seq})
        self.assertEqual(self.heard(), [SETTINGS])
        self.relay.resumeProducing()
        self.relay.event({"seq": 8})
        self.assertEqual(self.heard(), [SETTINGS, 1, 2, 3, ("lost", 4), ("health", 7), 8])

    def test_stops_again_while_catching_up(self) -> None:
        """While events were dropped and not yet reported, no later one is sent before the report."""
        self.relay.pauseProducing()
        for seq in range(1, 6):
            self.relay.event({"seq": seq})
        write = self.transport.write

        def write_and_pause(data: bytes) -> None:
            write(data)
            self.relay.pauseProducing()

        self.transport.write = write_and_pause  # type: ignore[method-assign,assignment]
        self.relay.resumeProducing()
        self.relay.event({"seq": 6})
        self.transport.write = write  # type: ignore[method-assign]
        self.relay.resumeProducing()
        self.assertEqual(self.heard(), [SETTINGS, 1, 2, 3, ("lost", 3)])

    def test_gone(self) -> None:
        """An API server that is gone is told nothing more."""
        self.relay.connectionLost()
        self.relay.event({"seq": 1})
        self.relay.health({"n": 1})
        self.assertEqual(self.heard(), [SETTINGS])

    def test_relay_gone(self) -> None:
        """The API server hears that the relay is gone."""
        hearing = Hearing()
        ApiEnd(hearing).connectionLost()
        self.assertEqual(hearing.told, ["ended"])

    def test_newer_relay(self) -> None:
        """A kind of message that is not known is passed over."""
        hearing = Hearing()
        server = ApiEnd(hearing)
        server.makeConnection(StringTransport())
        server.dataReceived(b'{"later":1}\n{"lost":2}\n')
        self.assertEqual(hearing.told, [("lost", 2)])

    def test_token_is_not_shown(self) -> None:
        """Settings do not show the token."""
        self.assertNotIn("secret", repr(SETTINGS))

    def test_metrics(self) -> None:
        """Samples arrive as they are; while the API server does not read, only the latest of each are kept."""
        self.relay.metrics([Sample("f", ("u", "m"), 1.5, {0: 1, 3: 2})])
        self.relay.pauseProducing()
        for value in range(5000):
            self.relay.metrics([Sample("f", ("u", "m"), value), Sample("f", ("u", "n"), 7.0)])
        size = len(self.transport.value())
        self.relay.resumeProducing()
        self.assertLess(len(self.transport.value()) - size, 200)
        first, last = self.heard()[1:]
        self.assertEqual(first, {("f", "u", "m"): (1.5, {0: 1, 3: 2})})
        self.assertEqual(last, {("f", "u", "m"): (4999.0, {}), ("f", "u", "n"): (7.0, {})})
