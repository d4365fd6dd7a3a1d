"""Tests of `ccsproxy.proxy.upstream.endpoints.names`: names that cannot be looked up are told apart."""

import socket
import threading
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from ccsproxy.proxy.errors import ConnectTimeout, UpstreamUnreachable
from ccsproxy.proxy.upstream.endpoints.names import NamedEndpoint


class NamedEndpointTests(TestCase):
    """What the system says of a name becomes a sentence."""

    def answer(self, asked: Callable[..., object]) -> None:
        """Let the system answer so."""
        self.patch(socket, "getaddrinfo", asked)

    def connect(self, name: str = "llm.example") -> Deferred:
        """Connect to a name."""
        return NamedEndpoint(reactor, name, 443).connect(Factory.forProtocol(Protocol))

    async def sentence(self, code: int) -> str:
        """What is said when a lookup fails with a code."""

        def fails(*question: object) -> object:
            raise socket.gaierror(code, "as the system says")

        self.answer(fails)
        error = await self.assertFailure(self.connect(), UpstreamUnreachable)
        return error.message

    async def test_told_apart(self) -> None:
        """A name that does not exist is the user's to correct, a name server that is silent is not."""
        missing = await self.sentence(socket.EAI_NONAME)
        silent = await self.sentence(socket.EAI_AGAIN)
        other = await self.sentence(socket.EAI_FAMILY)
        self.assertIn("llm.example does not exist", missing)
        self.assertIn("no name server answers", silent)
        self.assertIn("as the system says", other)

    async def test_no_address(self) -> None:
        """A name without addresses fails too."""
        self.answer(lambda *question: [])
        error = await self.assertFailure(self.connect(), UpstreamUnreachable)
        self.assertIn("llm.example", error.message)

    async def test_silent_while_looked_up(self) -> None:
        """Who gives up during a lookup is told that it was the name server, whatever answer comes later."""
        asked, go_on = threading.Event(), threading.Event()

        def waits(*question: object) -> object:
            asked.set()
            go_on.wait(10)
            raise socket.gaierror(socket.EAI_NONAME, "late")

        self.answer(waits)
        self.addCleanup(go_on.set)
        connecting = self.connect()
        while not asked.is_set():
            await self.turn()
        connecting.cancel()
        error = await self.assertFailure(connecting, ConnectTimeout)
        self.assertIn("name server does not answer", error.message)

    async def test_both_families(self) -> None:
        """A name with an address that refuses and one that answers is reached."""
        from twisted.internet.endpoints import TCP4ServerEndpoint

        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Protocol))
        self.addCleanup(port.stopListening)
        number = port.getHost().port
        refusing = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", number, 0, 0))
        answering = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))
        self.answer(lambda *question: [refusing, answering])
        endpoint = NamedEndpoint(reactor, "both.example", number)
        protocol = await endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(protocol.transport.getPeer().host, "127.0.0.1")
        protocol.transport.abortConnection()
        await self.turn()

    async def test_other_failures_pass(self) -> None:
        """A host that refuses was found: the name is not to blame."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            where = taken.getsockname()
            self.answer(lambda *question: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where)])
            await self.assertFailure(self.connect(), ConnectionRefusedError)

    def turn(self) -> Deferred:
        """One turn of the reactor."""
        passed: Deferred = Deferred()
        reactor.callLater(0.005, passed.callback, None)  # type: ignore[attr-defined]
        return passed
