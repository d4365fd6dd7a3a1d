"""Tests of `ccsproxy.proxy.server.access.loops`: when the system is asked, and what follows."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.resource import may_be_local
from ccsproxy.proxy.server.access import loops
from ccsproxy.proxy.server.access.loops import BURST, CROWD, REFILL, LoopWatch
from ccsproxy.runtime.sockets.processes import Process
from ccsproxy.runtime.sockets.sock_diag import SocketOwner
from test.proxy.relay_rig import Client, Rig

POST = (b"POST", 5, 100)


class LoopWatchTests(SynchronousTestCase):
    """A look is dear, and made where it is worth it."""

    def setUp(self) -> None:
        self.patch(loops.sys, "platform", "linux")
        self.clock = Clock()
        self.looks = 0
        self.programs: dict[SocketOwner, Process] = {}

    def watch(self, alone: bool = True) -> LoopWatch:
        def leads_back(ours: object, inode: int) -> bool:
            self.looks += 1
            return inode == 7

        return LoopWatch(lambda: (1,), alone, self.clock.seconds, leads_back, self.programs.get)

    def ask(self, watch: LoopWatch, inode: int = 8, signature: tuple = POST) -> bool:
        found = watch.is_loop(signature, lambda: SocketOwner(1000, inode))
        if not found:
            watch.begin(signature)
        return found

    def test_first_round(self) -> None:
        """The request that meets itself is looked at, and no other."""
        watch = self.watch()
        self.assertFalse(self.ask(watch, 7))
        self.assertFalse(self.ask(watch, 7, (b"GET", 0, 90)))
        self.assertEqual(self.looks, 0)
        self.assertTrue(self.ask(watch, 7))
        self.assertFalse(self.ask(watch, 8))

    def test_what_is_over_does_not_count(self) -> None:
        """One request after the other is no loop."""
        watch = self.watch()
        for _ in range(5):
            self.assertFalse(self.ask(watch, 7))
            watch.end(POST)
        self.assertEqual((self.looks, len(watch._under_way)), (0, 0))

    def test_many_equal_ones(self) -> None:
        """A load of equal requests costs few looks, and a loop among them is found at the next doubling."""
        watch = self.watch()
        for _ in range(CROWD - 1):
            self.ask(watch)
        self.assertEqual(self.looks, BURST)
        rounds = 0
        while not self.ask(watch, 7):
            rounds += 1
        self.assertLessEqual(rounds, CROWD)

    def test_rounds_of_equal_ones(self) -> None:
        """Clients that ask in step are no new crowd with every round; after a while they are."""
        watch = self.watch()

        def round_of_calls() -> None:
            for _ in range(2 * CROWD):
                self.ask(watch)
            for _ in range(2 * CROWD):
                watch.end(POST)

        for _ in range(50):
            round_of_calls()
        looks = self.looks
        self.assertLessEqual(looks, BURST + 2)
        self.clock.advance(REFILL)
        round_of_calls()
        self.assertGreater(self.looks, looks + 1)

    def test_now_and_then(self) -> None:
        """After a while there is another look."""
        watch = self.watch()
        for _ in range(10):
            self.ask(watch)
        self.clock.advance(REFILL)
        self.assertTrue(self.ask(watch, 7))

    def test_one_of_several_workers(self) -> None:
        """It looks without an equal request, which another worker may have."""
        self.assertTrue(self.ask(self.watch(alone=False), 7))

    def test_other_program(self) -> None:
        """Who is no ccsproxy is no loop, and nothing else is looked at; of a ccsproxy it depends on the rest."""
        self.programs[SocketOwner(1000, 7)] = Process(11, None, None, None, None)
        for relays, looks in ((False, 0), (True, 1)):
            self.patch(loops, "is_ccsproxy", lambda pid, relays=relays: pid == 11 and relays)
            self.assertEqual(self.ask(self.watch(alone=False), 7), relays)
            self.assertEqual(self.looks, looks)

    def test_nobody_tells(self) -> None:
        """Without an owner, and without such a system, nothing is a loop."""
        watch = self.watch(alone=False)
        self.assertFalse(watch.is_loop(POST, lambda: None))
        self.patch(loops.sys, "platform", "darwin")
        self.assertFalse(self.ask(self.watch(alone=False), 7))

    def test_near(self) -> None:
        """Only what may be this machine is ever looked at."""
        for host in ("localhost", "127.0.0.2", "::1", "10.0.0.3", "box", "llm.lan", "x.localhost"):
            self.assertTrue(may_be_local(host), host)
        for host in ("api.anthropic.com", "8.8.8.8", "2001:4860:4860::8888"):
            self.assertFalse(may_be_local(host), host)


class RefusalTests(SynchronousTestCase):
    """What a client that is behind us gets."""

    def test_508(self) -> None:
        """The first round is relayed, the second refused, and neither is remembered afterwards."""
        watch = LoopWatch(lambda: (1,), True, Clock().seconds, lambda ours, inode: inode == 7, lambda owner: None)
        rig = Rig(near=True, loops=watch)
        clients = [Client(rig), Client(rig)]
        for client in clients:
            client.channel.owner = SocketOwner(1000, 7)
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual((len(rig.client.upstreams), clients[1].status), (1, 508))
        self.assertEqual(rig.heard[-1].ending.kind, "loop_refused")
        rig.upstream.send(b"HTTP/1.1 508 Loop Detected\r\nContent-Length: 0\r\n\r\n")
        rig.settle()
        self.assertEqual(len(watch._under_way), 0)
