"""Tests for `ccsproxy.proxy.resource`: which way a request goes."""

from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.resource import ProxyResource, Route


class Way:
    """Where requests end in these tests, with the target that they end with."""

    def __init__(self) -> None:
        self.relayed: list[tuple[str, bytes]] = []

    def relay(self, request: Any, way: Any, target: bytes, capture: Any = None) -> None:
        self.relayed.append((way.name, target))


class RenderTests(SynchronousTestCase):
    """By the first path segment, else by default, else elsewhere."""

    def setUp(self) -> None:
        names = ("one", "two")
        self.ways = {name: mock.Mock(spec=Route, may_be_local=False, key=None, base_path=b"") for name in names}
        for name, way in self.ways.items():
            way.name = name
        self.routes, self.forward = Way(), mock.Mock()

    def ask(self, target: bytes, forward: Any = None) -> None:
        resource = ProxyResource(self.ways, self.ways["one"], self.routes, forward)  # type: ignore[arg-type]
        resource.render(mock.Mock(target=target, head=mock.Mock(control_lines=[], method=b"GET")))

    def test_ways(self) -> None:
        """A name that is known is taken off the path; any other path is the default's."""
        for target in (b"/two/v1/messages", b"/v1/messages", b"/three/two"):
            self.ask(target, self.forward)
        self.assertEqual(
            self.routes.relayed, [("two", b"/v1/messages"), ("one", b"/v1/messages"), ("one", b"/three/two")]
        )
        self.forward.render.assert_not_called()

    def test_requests_for_other_hosts(self) -> None:
        """What names its host goes where the forward proxy sends it; without one there is none to ask."""
        self.ask(b"http://elsewhere.example/", self.forward)
        self.assertEqual((self.forward.render.call_count, self.routes.relayed), (1, []))
