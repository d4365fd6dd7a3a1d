"""Which process holds a socket: a process table made by hand, and the real one about this test."""

import os
import socket
import sys
from unittest import skipUnless

from twisted.internet.task import Clock
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.sockets.processes import LONGEST, ProcessFinder, describe
from ccsproxy.runtime.sockets.sock_diag import SocketOwner

LINUX = sys.platform == "linux"
ME = os.geteuid()


class Table:
    """A process table in a folder."""

    def __init__(self, case):
        self.root = FilePath(case.mktemp())
        self.root.makedirs()
        self.reads = 0

    def add(self, pid, sockets=(), cmdline=b"node\0agent.js\0", exe="/usr/bin/node", cwd="/home/me/shop"):
        folder = self.root.child(str(pid))
        folder.child("fd").makedirs()
        for number, inode in enumerate(sockets):
            os.symlink(f"socket:[{inode}]", folder.child("fd").child(str(number)).path)
        folder.child("cmdline").setContent(cmdline)
        os.symlink(exe, folder.child("exe").path)
        os.symlink(cwd, folder.child("cwd").path)
        folder.child("stat").setContent(b"%d (no) de) S 1 %s" % (pid, b" ".join(b"%d" % n for n in range(5, 30))))
        return folder

    def finder(self, clock=None):
        return ProcessFinder(self.root.path, clock or Clock().seconds)


@skipUnless(LINUX, "only Linux tells")
class Found(SynchronousTestCase):
    """Processes in the table."""

    def test_process_with_the_socket(self):
        table = Table(self)
        table.add(10, [1, 2])
        table.add(20, [3])
        found = table.finder().process_of(SocketOwner(ME, 3))
        self.assertEqual(
            (found.pid, found.exe, found.argv0, found.cwd), (20, "/usr/bin/node", "node", "/home/me/shop")
        )
        self.assertRegex(found.started_at, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_recent_ones_that_have_ended(self):
        """They are forgotten while those that were found lately are gone through."""
        table = Table(self)
        folders = [table.add(pid, [pid]) for pid in (20, 30, 40)]
        finder = table.finder()
        for pid in (20, 30, 40):
            finder.process_of(SocketOwner(ME, pid))
        for folder in folders[1:]:
            folder.remove()
        os.symlink("socket:[5]", folders[0].child("fd").child("9").path)
        self.assertEqual(finder.process_of(SocketOwner(ME, 5)).pid, 20)

    def test_next_connection_of_a_program_with_many(self):
        """It is found behind the one before without reading all of them; elsewhere by reading all."""
        table = Table(self)
        folder, listed = table.add(20, range(100, 200)).child("fd"), []
        finder = table.finder()
        finder.process_of(SocketOwner(ME, 199))
        for inode, number in ((500, 100), (501, 107)):
            os.symlink(f"socket:[{inode}]", folder.child(str(number)).path)
        listdir = os.listdir
        self.patch(os, "listdir", lambda path: listed.append(path) or listdir(path))
        found = [finder.process_of(SocketOwner(ME, inode)).pid for inode in (500, 501)]
        self.assertEqual((found, listed), ([20, 20], []))
        os.symlink("socket:[502]", folder.child("3000").path)
        self.assertEqual(finder.process_of(SocketOwner(ME, 502)).pid, 20)
        folder.child("100").remove()
        os.symlink("socket:[503]", folder.child("100").path)
        self.assertEqual(finder.process_of(SocketOwner(ME, 503)).pid, 20)
        self.assertEqual(len(listed), 2)

    def test_answer_holds_for_the_life_of_the_socket(self):
        table = Table(self)
        folder = table.add(20, [3])
        finder = table.finder()
        first = finder.process_of(SocketOwner(ME, 3))
        folder.remove()
        self.assertIs(finder.process_of(SocketOwner(ME, 3)), first)

    def test_processes_of_other_users_are_not_looked_into(self):
        table = Table(self)
        table.add(20, [3])
        self.assertIsNone(table.finder().process_of(SocketOwner(ME + 1, 3)))

    def test_search_in_vain_is_followed_by_a_rest_but_known_programs_are_still_found(self):
        table, clock = Table(self), Clock()
        known = table.add(20, [3])

        def slow():
            clock.advance(0.01)
            return clock.seconds()

        finder = table.finder(slow)
        finder.process_of(SocketOwner(ME, 3))
        self.assertIsNone(finder.process_of(SocketOwner(ME, 4)))
        os.symlink("socket:[5]", known.child("fd").child("9").path)
        self.assertEqual(finder.process_of(SocketOwner(ME, 5)).pid, 20)
        table.add(30, [6])
        for newer in range(31, 47):
            table.add(newer, [100 + newer])
        self.assertIsNone(finder.process_of(SocketOwner(ME, 6)))
        self.assertEqual(finder.process_of(SocketOwner(ME, 131)).pid, 31)  # one of the newest is found all the same
        clock.advance(1)
        self.assertEqual(finder.process_of(SocketOwner(ME, 6)).pid, 30)

    def test_arguments_are_never_kept(self):
        table = Table(self)
        for pid, cmdline in ((1, b"npm run --key=abc"), (2, b"claude --key abc\0\0\0"), (3, b"claude\0--key\0abc\0")):
            table.add(pid, cmdline=cmdline)
            self.assertNotIn("abc", describe(pid, table.root.path).argv0)

    def test_name_with_spaces_stays_whole(self):
        table = Table(self)
        name = table.root.child("My Agent")
        name.setContent(b"")
        table.add(1, cmdline=name.path.encode() + b"\0--key\0")
        self.assertEqual(describe(1, table.root.path).argv0, name.path)

    def test_paths_are_bounded_and_can_be_written_down(self):
        table = Table(self)
        table.add(
            1, cmdline=b"\xff" * 9000, cwd="/" + "x/" * 1500, exe=b"/bin/\xff".decode("utf-8", "surrogateescape")
        )
        found = describe(1, table.root.path)
        self.assertEqual((len(found.argv0), len(found.cwd), found.exe), (LONGEST, LONGEST, "/bin/�"))

    def test_kernel_threads_and_zombies(self):
        table = Table(self)
        folder = table.add(1, cmdline=b"")
        folder.child("exe").remove()
        folder.child("cwd").remove()
        found = describe(1, table.root.path)
        self.assertEqual((found.exe, found.argv0, found.cwd), (None, None, None))

    def test_process_that_has_ended(self):
        self.assertIsNone(describe(1, Table(self).root.path))

    def test_this_very_process(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        found = ProcessFinder().process_of(SocketOwner(ME, os.fstat(ours.fileno()).st_ino))
        self.assertEqual((found.pid, found.exe), (os.getpid(), os.path.realpath(sys.executable)))
        self.assertEqual(found.cwd, os.getcwd())


class Unknown(SynchronousTestCase):
    """Where there is no table."""

    def test_system_without_a_process_table(self):
        self.assertIsNone(ProcessFinder("/nowhere").process_of(SocketOwner(ME, 3)))

    def test_labels(self) -> None:
        """What a launcher labels its agent with is read from the variables, and nothing else of them."""
        table = Table(self)
        folder = table.add(30)
        self.assertEqual(describe(30, table.root.path).labels, "")
        folder.child("environ").setContent(b"KEY=sk-secret\0CCSPROXY_LABELS=launch=1a,task=refund\0HOME=/h\0")
        self.assertEqual(describe(30, table.root.path).labels, "launch=1a,task=refund")
