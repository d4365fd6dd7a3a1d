"""The API server's part in the relay process, with a child that is not there."""

import socket
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.exposure import exposure_of
from ccsproxy.api.service import ApiService, RunFacts
from ccsproxy.api.token import TokenError
from ccsproxy.config.model import Config, Upstream
from ccsproxy.errors import BindError
from ccsproxy.runtime.bus import Bus
from ccsproxy.runtime.children.child import Program


class Address:
    """A TCP address."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port


class Port:
    """A listening port that reads nothing."""

    addressFamily = socket.AF_INET

    def __init__(self, host: str, number: int) -> None:
        self._address = Address(host, number)
        self.reading = True
        self.open = True

    def getHost(self) -> Address:
        return self._address

    def fileno(self) -> int:
        return 99

    def stopReading(self) -> None:
        self.reading = False

    def stopListening(self) -> None:
        self.open = False


class Reactor(MemoryReactorClock):
    """A reactor in memory that adopts connections."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Port] = []
        self.links: list[StringTransport] = []

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        self.ports.append(Port(interface or "0.0.0.0", port or 4321))
        return self.ports[-1]

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        transport = StringTransport()
        self.links.append(transport)
        factory.buildProtocol(None).makeConnection(transport)


class FakeChild:
    """A child that is started and stopped in word only."""

    made: list["FakeChild"]

    def __init__(self, reactor: Any, program: Program, linked: Any) -> None:
        self.program, self._linked = program, linked
        self.stopped = False

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        theirs.close()
        self._linked(ours)

    def stop(self, within: float) -> Deferred[None]:
        self.stopped = True
        return succeed(None)


class ApiServiceTests(SynchronousTestCase):
    """Start, news, stop."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.bus = Bus()
        self.data_dir = Path(self.mktemp())
        self.data_dir.mkdir()
        self.children: list[FakeChild] = []
        self.count = 0

    def make(self, **changes: Any) -> ApiService:
        upstream = Upstream("anthropic", "https", "api.anthropic.com", 443)
        config = Config((upstream,), data_dir=self.data_dir, **changes)

        def make_child(*arguments: Any) -> FakeChild:
            self.children.append(FakeChild(*arguments))
            return self.children[-1]

        def health() -> dict[str, int]:
            self.count += 1
            return {"accepted": self.count}

        return ApiService(self.reactor, config, self.bus, RunFacts("run", 0.0), health, make_child)  # type: ignore[arg-type]

    def told(self, link: int = 0) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.reactor.links[link].value().splitlines()]

    def test_loopback_needs_no_token_of_this_user(self) -> None:
        """On loopback the port is bound and not read, and the API server is told of it and whom to trust; the token
        file is made 0600."""
        service = self.make(api_port=0)
        service.startService()
        self.assertEqual(service.urls, ["http://127.0.0.1:4321"])
        self.assertFalse(self.reactor.ports[0].reading)
        self.assertEqual(dict(self.children[0].program.descriptors), {4: 99})
        settings = self.told()[0]["settings"]
        token = (self.data_dir / "api-token").read_text().strip()
        self.assertEqual((settings["ports"], settings["token"], settings["any_address"]), ([4321], token, False))
        self.assertTrue(settings["same_user"])
        self.assertEqual(settings["listeners"], [{"descriptor": 4, "family": socket.AF_INET}])
        self.assertEqual((self.data_dir / "api-token").stat().st_mode & 0o777, 0o600)
        self.successResultOf(service.stopService())

    def test_every_user_of_the_machine(self) -> None:
        """With ``--api-users any`` nobody is asked for a token on loopback."""
        service = self.make(api_port=0, api_users="any")
        service.startService()
        settings = self.told()[0]["settings"]
        self.assertEqual((settings["token"], settings["same_user"]), (None, False))
        self.successResultOf(service.stopService())

    def test_beyond_loopback(self) -> None:
        """Beyond loopback the API server asks for the token of the file."""
        service = self.make(api_listen=("tcp:1:interface=10.0.0.1", "tcp:2"), allow_hosts=("Desk.Example",))
        service.startService()
        settings = self.told()[0]["settings"]
        self.assertEqual(settings["token"], (self.data_dir / "api-token").read_text().strip())
        self.assertEqual(settings["names"], ["10.0.0.1:1", "desk.example"])
        self.assertTrue(settings["any_address"])
        self.assertFalse(settings["same_user"])
        self.successResultOf(service.stopService())

    def test_no_token_no_start(self) -> None:
        """Beyond loopback it does not start without a token, and leaves no port behind."""
        service = self.make(api_listen=("tcp:2",), api_token_file=self.data_dir / "not" / "there")
        self.assertRaises(TokenError, service.bind)
        self.assertFalse(self.reactor.ports[0].open)

    def test_endpoints_that_cannot_be_handed_over(self) -> None:
        """An endpoint that wraps what it accepts is refused in one sentence."""
        error = self.assertRaises(BindError, self.make(api_listen=("ssl:1",)).bind)
        self.assertIn("'ssl:1'", str(error))

    def test_news(self) -> None:
        """Events go over at once, health each second and soon after an event, not with each one."""
        service = self.make()
        service.startService()
        for seq in range(3):
            self.bus.publish({"type": "request_started", "seq": seq})
        self.reactor.advance(0.1)
        self.reactor.advance(0.9)
        kinds = [next(iter(line)) for line in self.told()]
        self.assertEqual(kinds, ["settings", "health", "event", "event", "event", "health", "health"])
        self.successResultOf(service.stopService())
        self.bus.publish({"type": "request_started", "seq": 9})
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertTrue(self.children[0].stopped)
        self.assertFalse(self.reactor.ports[0].open)

    def test_next_child_is_told_all(self) -> None:
        """An API server that was started again gets the settings and the same sockets."""
        service = self.make()
        service.startService()
        self.children[0].start()
        self.assertEqual(self.told(1)[0]["settings"], self.told()[0]["settings"])
        self.successResultOf(service.stopService())


class ExposureTests(SynchronousTestCase):
    """What addresses mean."""

    def test_kinds(self) -> None:
        """Loopback, one address, every address and a Unix socket."""
        only = exposure_of([Address("127.0.0.1", 1), Address("::1", 2)])
        self.assertEqual((only.beyond_loopback, only.any_address, list(only.ports)), (False, False, [1, 2]))
        self.assertTrue(exposure_of([Address("10.0.0.1", 1)]).beyond_loopback)
        for host in ("0.0.0.0", "::"):
            wild = exposure_of([Address(host, 1)])
            self.assertTrue(wild.beyond_loopback and wild.any_address)
        unix = exposure_of([object()])
        self.assertEqual((unix.beyond_loopback, list(unix.ports)), (False, []))
