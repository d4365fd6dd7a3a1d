"""Tests for `ccsproxy.store.directory`."""

import os
import shutil
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import DataDirError
from ccsproxy.store import directory
from ccsproxy.store.directory import DataDirBusy, Lock, prepare


class PrepareTests(SynchronousTestCase):
    """The data dir is the user's own or it is not used."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()) / "deep" / "data"

    def refusal(self) -> str:
        error = self.assertRaises(DataDirError, prepare, self.data_dir)
        return str(error)

    def test_is_private_from_its_creation(self) -> None:
        """Every directory that is made is 0700, whatever the umask."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        prepare(self.data_dir)
        prepare(self.data_dir)
        for path in (self.data_dir.parent, self.data_dir, self.data_dir / "segments"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o700)

    def test_open_to_others(self) -> None:
        """The remedy is in the sentence."""
        self.data_dir.mkdir(parents=True, mode=0o700)
        self.data_dir.chmod(0o755)
        self.assertIn("chmod 700", self.refusal())

    def test_link(self) -> None:
        """A link is refused, also a dangling one, and in place of the segments."""
        self.data_dir.parent.mkdir(parents=True)
        self.data_dir.symlink_to("/nowhere")
        self.assertIn("symbolic link", self.refusal())
        self.data_dir.unlink()
        self.data_dir.mkdir(mode=0o700)
        (self.data_dir / "segments").symlink_to("/tmp")
        self.assertIn("symbolic link", self.refusal())

    def test_foreign(self) -> None:
        """Somebody else's directory is refused."""
        prepare(self.data_dir)
        owner = os.geteuid() + 1
        self.patch(os, "geteuid", lambda: owner)
        self.assertIn("belongs to another user", self.refusal())

    def test_file_in_the_way(self) -> None:
        """A file as data dir is refused; in place of the segments it is moved aside."""
        self.data_dir.parent.mkdir(parents=True)
        self.data_dir.touch()
        self.assertIn("not a directory", self.refusal())
        self.data_dir.unlink()
        self.data_dir.mkdir(mode=0o700)
        (self.data_dir / "segments").touch()
        prepare(self.data_dir)
        self.assertEqual(len(list(self.data_dir.glob("segments.aside-*"))), 1)


class LockTests(SynchronousTestCase):
    """One process writes."""

    def test_second_is_refused_until_the_first_lets_go(self) -> None:
        """The refusal is a sentence that names the directory."""
        data_dir = Path(self.mktemp())
        prepare(data_dir)
        lock = Lock(data_dir)
        self.assertIn(str(data_dir), str(self.assertRaises(DataDirBusy, Lock, data_dir)))
        lock.release()
        lock.release()
        Lock(data_dir).release()

    def test_it_outlives_the_directory(self) -> None:
        """While the directory or only the lock file is gone, nobody else gets in; it can be renewed."""
        data_dir = Path(self.mktemp())
        prepare(data_dir)
        lock = Lock(data_dir)
        self.addCleanup(lock.release)
        removals = (lambda: shutil.rmtree(data_dir), (data_dir / "lock").unlink)
        for remove in removals:
            self.assertTrue(lock.held())
            remove()
            self.assertFalse(lock.held())
            prepare(data_dir)
            self.assertRaises(DataDirBusy, Lock, data_dir)
            self.assertFalse(lock.held())
            lock.renew()
        self.assertTrue(lock.held())
        self.assertEqual(data_dir.stat().st_mode & 0o777, 0o700)

    def test_where_there_are_no_names(self) -> None:
        """The file alone keeps others out, and a renewal that comes too late is refused."""
        self.patch(directory, "_claim_name", lambda data_dir: None)
        data_dir = Path(self.mktemp())
        prepare(data_dir)
        first = Lock(data_dir)
        shutil.rmtree(data_dir)
        prepare(data_dir)
        second = Lock(data_dir)
        self.assertRaises(DataDirBusy, first.renew)
        second.release()
        first.renew()
        self.assertTrue(first.held())
        first.release()
