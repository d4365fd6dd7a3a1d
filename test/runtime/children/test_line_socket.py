"""A link between two processes of ours: whole messages, their descriptors, and an end that is heard once."""

import os
import socket

from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.children.line_socket import LineSocket


class LineSocketTests(SynchronousTestCase):
    """Two ends, driven by hand."""

    def setUp(self) -> None:
        self.reactor = MemoryReactor()
        ours, theirs = socket.socketpair()
        self.lines: list[bytes] = []
        self.lost = 0
        self.ours = LineSocket(self.reactor, ours, self.lines.append, self.hear_end)
        self.theirs = LineSocket(self.reactor, theirs, self.lines.append, self.hear_end)
        for each in (self.ours, self.theirs):
            each.start()
            self.addCleanup(each.close)

    def hear_end(self) -> None:
        self.lost += 1

    def test_lines_at_any_cut(self) -> None:
        """A line comes when it is whole, however it was cut."""
        for piece in (b"on", b"e\ntw", b"o\n", b"three\nfour\nfi"):
            self.ours.send(piece)
            self.theirs.doRead()
        self.assertEqual(self.lines, [b"one", b"two", b"three", b"four"])

    def test_descriptors_come_with_their_message(self) -> None:
        """They are copies, in order, and there when the line is."""
        read, write = os.pipe()
        self.ours.send(b"first\n", [write])
        self.ours.send(b"second\n", [read, write])
        os.close(read)
        os.close(write)
        while len(self.lines) < 2:
            self.theirs.doRead()
        one, two, three = self.theirs.descriptors
        os.write(one, b"x")
        self.assertEqual(os.read(two, 10), b"x")
        self.assertFalse(os.get_inheritable(three))

    def test_a_full_socket_keeps_messages_and_descriptors(self) -> None:
        """What the socket does not take waits, whole and in order."""
        count = 0
        while not self.reactor.writers:
            self.ours.send(b"%d" % count + b"x" * 10_000 + b"\n")
            count += 1
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.ours.send(b"last\n", [descriptor])
        os.close(descriptor)
        while not self.theirs.descriptors:
            self.theirs.doRead()
            if self.reactor.writers:
                self.ours.doWrite()
        self.assertEqual((len(self.lines), self.lines[-1]), (count + 1, b"last"))
        self.assertTrue(all(line.startswith(b"%d" % n) for n, line in enumerate(self.lines[:-1])))

    def test_the_last_words_of_a_dead_end_are_heard(self) -> None:
        """What was said before the end is read, then the end is told, once."""
        self.theirs.send(b"last\n")
        self.theirs.close()
        self.ours.send(b"x" * 100)
        self.ours.send(b"more")
        self.ours.drain()
        self.ours.close()
        self.assertEqual((self.lines, self.lost), ([b"last"], 2))

    def test_a_line_that_cannot_be_used(self) -> None:
        """Whoever takes lines may fail at one; the next ones still come."""

        def fail(line: bytes) -> None:
            self.lines.append(line)
            raise ValueError(line)

        self.theirs._line_received = fail
        self.ours.send(b"a\nb\n")
        self.theirs.doRead()
        self.assertEqual(self.lines, [b"a", b"b"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_closing_leaves_no_descriptor_open(self) -> None:
        """Those that nobody took, and those that were not sent, go with the link."""
        before = len(os.listdir("/proc/self/fd"))
        read, write = os.pipe()
        self.ours.send(b"a\n", [read, write])
        self.theirs.doRead()
        while not self.reactor.writers:
            self.ours.send(b"x" * 10_000)
        self.ours.send(b"b\n", [read, write])
        os.close(read)
        os.close(write)
        self.ours.close()
        self.theirs.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before - 2)
