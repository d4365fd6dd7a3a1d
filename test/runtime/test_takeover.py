"""What a successor inherits, and what its predecessor hears of it."""

import json
import os
import socket
from typing import Any

from twisted.internet.error import ProcessDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.takeover import ACCEPTING, VARIABLE, Inherited, Successor, not_to_hand_over


class Port:
    """A listening port."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


class Reactor(MemoryReactorClock):
    """A reactor that starts nothing, and keeps what it was to start."""

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[Any] = []

    def spawnProcess(self, protocol: Any, executable: str, args: Any, env: Any, childFDs: Any) -> None:
        self.link = os.dup(childFDs[3])
        protocol.makeConnection(Process(77))
        self.spawned.append((executable, args, env, childFDs))

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        self.transport = StringTransport()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)


class Process(StringTransport):
    """A process that runs."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid


class SuccessorTests(SynchronousTestCase):
    """The predecessor's side."""

    def setUp(self) -> None:
        self.reactor, self.heard = Reactor(), list[Any]()
        self.successor = Successor(
            self.reactor, self.heard.append, lambda: self.heard.append("failed"), ["prog", "--x"]
        )
        ports: Any = [("--listen a", Port(9)), ("--listen b", Port(8)), ("--listen a", Port(7))]
        self.successor.start(ports, {"A": "b"})
        self.link = socket.socket(fileno=self.reactor.link)
        self.addCleanup(self.link.close)

    def test_what_it_gets(self) -> None:
        """The command, our environment, and every socket under the name by which it asks."""
        executable, args, env, descriptors = self.reactor.spawned[0]
        self.assertEqual((executable, args, env["A"]), ("prog", ["prog", "--x"], "b"))
        self.assertEqual({number: own for number, own in descriptors.items() if number > 3}, {4: 9, 5: 8, 6: 7})
        said = json.loads(env[VARIABLE])
        self.assertEqual(said, {"link": 3, "sockets": {"--listen a": [4, 6], "--listen b": [5]}})
        here = self.link.fileno()
        sockets = {name: [here] * len(numbers) for name, numbers in said["sockets"].items()}
        inherited = Inherited.of({VARIABLE: json.dumps({"link": here, "sockets": sockets})})
        self.assertTrue(inherited)
        self.assertIsNotNone(inherited.take("--listen a"))
        self.assertIsNotNone(inherited.take("--listen a"))
        self.assertIsNone(inherited.take("--listen a"))
        self.assertIsNone(inherited.take("--listen c"))

    def test_it_accepts(self) -> None:
        """It is told once that it accepts; that it ends later is nothing to us."""
        self.link.send(ACCEPTING)
        self.successor.doRead()
        self.successor.processEnded(Failure(ProcessDone(0)))
        self.assertEqual(self.heard, [77])

    def test_it_ends_first(self) -> None:
        """One that ends, or says something else, has not taken over."""
        self.link.close()
        self.successor.doRead()
        self.assertEqual(self.heard, [])
        self.successor.processEnded(Failure(ProcessDone(1)))
        self.assertEqual(self.heard, ["failed"])


class InheritedTests(SynchronousTestCase):
    """The successor's side."""

    def test_nothing(self) -> None:
        """Without a predecessor there is nothing, and nobody to wait for."""
        inherited = Inherited.of({})
        inherited.accepting(Reactor())
        self.assertFalse(inherited)
        self.assertIsNone(inherited.take("x"))
        self.successResultOf(inherited.predecessor_gone())

    def test_link(self) -> None:
        """It says that it accepts, its children inherit nothing, and the link's end is the predecessor's."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        environ = {VARIABLE: f'{{"link": {theirs.detach()}, "sockets": {{}}}}', "A": "b"}
        inherited, reactor = Inherited.of(environ), Reactor()
        self.assertEqual(environ, {"A": "b"})
        self.assertFalse(os.get_inheritable(inherited.link))
        inherited.accepting(reactor)
        self.assertEqual(reactor.transport.value(), ACCEPTING)
        gone = inherited.predecessor_gone()
        self.assertNoResult(gone)
        reactor.protocol.connectionLost()
        self.successResultOf(gone)

    def test_kinds(self) -> None:
        """What is more than a socket is named."""
        self.assertIsNone(not_to_hand_over(["tcp:1", "ssl:2", "systemd:domain=INET:index=0"]))
        self.assertEqual(not_to_hand_over(["tcp:1", "unix:/a"]), "unix:/a")
