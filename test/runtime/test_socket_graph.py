"""Tests of `ccsproxy.runtime.sockets.socket_graph`, against connections and processes that are really there."""

import os
import socket
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ccsproxy.runtime.sockets import socket_graph
from ccsproxy.runtime.sockets.socket_graph import leads_back, relays, sibling_processes, sockets_behind

#: Connects to a port, says by which inode it is connected, listens on another one, and lives until its input ends.
_PROGRAM = """
import os, socket, sys
out = socket.create_connection(("127.0.0.1", int(sys.argv[1]))) if int(sys.argv[1]) else None
inside = socket.create_server(("127.0.0.1", 0))
print(inside.getsockname()[1], os.fstat(out.fileno()).st_ino if out else 0, flush=True)
taken, _ = inside.accept()
print("taken", flush=True)
sys.stdin.read()
"""


class SocketGraphTests(SynchronousTestCase):
    """Where our connections lead."""

    def setUp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("needs /proc")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)

    def program(self, port: int) -> tuple[int, int, subprocess.Popen]:
        """Start a program that connects to a port; return its own port and its socket's inode."""
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        def end() -> None:
            process.kill()
            process.communicate()

        self.addCleanup(end)
        line = process.stdout.readline().split()
        return int(line[0]), int(line[1]), process

    def connect(self, port: int, process: subprocess.Popen) -> socket.socket:
        """Connect to a program's port, and wait until it has accepted."""
        ours = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(ours.close)
        self.assertEqual(process.stdout.readline(), "taken\n")
        return ours

    def test_back_to_us(self) -> None:
        """A program that we connect to, and that connects to us, is behind us."""
        port, inode, process = self.program(self.server.getsockname()[1])
        self.assertNotIn(inode, sockets_behind([os.getpid()]))
        self.connect(port, process)
        self.assertIn(inode, sockets_behind([os.getpid()]))

    def test_over_another_program(self) -> None:
        """So is one that is reached over another one."""
        last_port, inode, last = self.program(self.server.getsockname()[1])
        port, _, first = self.program(last_port)
        self.assertEqual(last.stdout.readline(), "taken\n")
        self.assertNotIn(inode, sockets_behind([os.getpid()]))
        self.connect(port, first)
        self.assertIn(inode, sockets_behind([os.getpid()]))

    def test_only_a_client(self) -> None:
        """Who only connects to us is not, nor is who connects to whom we connect to."""
        _, inode, _ = self.program(self.server.getsockname()[1])
        accepted, _ = self.server.accept()
        self.addCleanup(accepted.close)
        self.assertNotIn(inode, sockets_behind([os.getpid()]))

    def test_our_own(self) -> None:
        """What we connect to ourselves is found too."""
        ours = socket.create_connection(self.server.getsockname())
        self.addCleanup(ours.close)
        self.assertIn(os.fstat(ours.fileno()).st_ino, sockets_behind([os.getpid()]))

    def test_siblings(self) -> None:
        """The children of our parent are its family, and so are we."""
        self.assertLessEqual({os.getpid(), os.getppid()}, sibling_processes())

    def test_only_another_ccsproxy_leads_back(self) -> None:
        """A program that offers an API and calls it through us is no loop, and one that is called so is."""
        port, inode, process = self.program(self.server.getsockname()[1])
        self.connect(port, process)
        self.assertFalse(leads_back([os.getpid()], inode))
        self.patch(socket_graph, "is_ccsproxy", lambda pid: pid == process.pid)
        self.assertTrue(leads_back([os.getpid()], inode))

    def test_command_lines(self) -> None:
        """The ways in which a relay is started are known; a folder of that name is nothing."""
        for words, expected in (
            (["/usr/bin/python3", "/home/me/.venv/bin/twistd", "-n", "ccsproxy"], True),
            (["python3", "/home/me/bin/ccsproxy", "serve"], True),
            (["twistd", "-n", "ccsproxy", "--upstream", "http://x"], True),
            (["ccsproxy", "serve"], True),
            (["python", "-P", "-m", "ccsproxy.workers.worker"], True),
            (["python", "-m", "ccsproxy.tools", "serve"], True),
            (["python", "-m", "twisted.trial", "test"], False),
            (["agent", "--cwd", "/home/me/ccsproxy"], False),
            (["vim", "ccsproxy"], False),
        ):
            self.assertEqual(relays([word.encode() for word in words]), expected, words)
