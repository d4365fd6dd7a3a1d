"""Tests of binding ports."""

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import BindError
from ccsproxy.runtime.sockets.listening import listen, loopback, url_of


class ListenTests(SynchronousTestCase):
    """A port is bound at once, or one sentence says why not."""

    def test_loopback(self) -> None:
        """The port options bind loopback only."""
        reactor = MemoryReactorClock()
        port = listen(reactor, loopback(8787), Factory(), "--proxy-port")
        self.assertEqual(reactor.tcpServers[0][3], "127.0.0.1")
        self.assertEqual(url_of(port), "http://0.0.0.0:8787".replace("0.0.0.0", "127.0.0.1"))

    def test_unix_sockets_are_named_as_they_are_typed(self) -> None:
        """The address of a UNIX socket is what a person gives to another program."""
        port = listen(MemoryReactorClock(), "unix:/run/ccsproxy/hub.sock", Factory(), "--api-listen")
        self.assertEqual(url_of(port), "unix:/run/ccsproxy/hub.sock")

    def test_nonsense_endpoints(self) -> None:
        """A string that is no endpoint is named with its option."""
        for endpoint in ("", "nonsense:1", "tcp:x", "systemd:domain=INET:name=absent", "tcp"):
            with self.subTest(endpoint=endpoint):
                error = self.assertRaises(BindError, listen, MemoryReactorClock(), endpoint, Factory(), "--listen")
                self.assertIn("--listen: ", str(error))
