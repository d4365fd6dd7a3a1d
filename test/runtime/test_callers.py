"""Tests for `ccsproxy.runtime.sockets.callers`."""

import os
import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.sockets.callers import CallerFinder, is_local
from ccsproxy.runtime.sockets.processes import Process
from ccsproxy.runtime.sockets.sock_diag import SocketOwner

ENDS = ("127.0.0.1", 1, "127.0.0.1", 2)


class CallerFinderTests(SynchronousTestCase):
    """Questions are answered in a thread, and never raise where they are asked."""

    def ask(self, finder: CallerFinder, ends: tuple[str, int, str, int] = ENDS) -> Process | None:
        """Ask, end the thread, and return the answer."""
        self.addCleanup(finder.close)
        answers: list[Process] = []
        finder.ask(ends, answers.append)
        thread = finder._thread
        finder.close()
        assert thread is not None
        thread.join(10)
        return answers[0] if answers else None

    def test_own_process(self) -> None:
        """The other end of a connection of this process is this process."""
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()) as client,
        ):
            found = self.ask(CallerFinder(), (*client.getsockname(), *server.getsockname()))
        if found is None:
            self.skipTest("this system does not tell")
        self.assertEqual(found.pid, os.getpid())

    def test_nobody(self) -> None:
        """Without an owner there is no answer."""
        self.assertIsNone(self.ask(CallerFinder(lambda peer, own: None)))

    def test_failures(self) -> None:
        """A question that fails is logged, and the next is answered."""
        found = Process(7, None, None, None, None)
        answers: list[Process] = []
        heard = threading.Event()
        broken = iter([True, False])

        def owner(peer: object, own: object) -> SocketOwner:
            if next(broken):
                raise RuntimeError("broken")
            return SocketOwner(0, 1)

        def heard_of(process: Process) -> None:
            answers.append(process)
            heard.set()

        finder = CallerFinder(owner, lambda _: found)
        self.addCleanup(finder.close)
        for _ in range(2):
            finder.ask(ENDS, heard_of)
        self.assertTrue(heard.wait(10))
        self.assertEqual(answers, [found])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_local(self) -> None:
        """Loopback, and an address that is our own."""
        self.assertTrue(
            is_local(ENDS) and is_local(("::1", 1, "::1", 2)) and is_local(("10.0.0.1", 1, "10.0.0.1", 2))
        )
        self.assertFalse(is_local(("10.0.0.2", 1, "10.0.0.1", 2)) or is_local(("odd", 1, "10.0.0.1", 2)))
