"""What commands do where a data dir is busy, or none."""

import os

from ccsproxy.store import control
from ccsproxy.store.directory import Lock
from ccsproxy.tools.agents import status
from ccsproxy.tools.store import du, gc, import_store, keep, reindex, rm, verify
from test.tools.storing import StoreCommandCase


class DataDirTests(StoreCommandCase):
    """One sentence, status 1."""

    def test_busy_store_is_refused(self) -> None:
        """What changes the store needs it alone; what reads it does not."""
        self.patch(control, "TAKEN_WITHIN", 0.3)
        self.call(reindex)
        lock = Lock(self.data_dir)
        self.addCleanup(lock.release)
        for command, arguments in ((reindex, ()), (gc, ()), (rm, ("s",)), (import_store, (str(self.source),))):
            code, said, complaint = self.call(command, *arguments)
            self.assertEqual((code, said), (1, ""))
            self.assertIn("stop it first", complaint)
        self.assertEqual((self.call(verify)[0], self.call(du)[0], self.call(keep)[0]), (0, 0, 0))

    def test_mistakes_are_one_sentence(self) -> None:
        """Missing folders end with one line and status 1, wrong arguments with status 2."""
        for command, arguments, data_dir, wanted in (
            (verify, (), "/nowhere/at/all", 1),
            (rm, ("../x",), None, 2),
            (gc, ("--retain-days", "soon"), None, 2),
            (gc, ("--retain-size", "-1"), None, 2),
            (import_store, ("/nowhere/at/all",), None, 1),
            (du, (), None, 1),
        ):
            code, said, complaint = self.call(command, *arguments, data_dir=data_dir)
            self.assertEqual((code, said, len(complaint.splitlines())), (wanted, "", 1), command.NAME)

    def test_another_user_s_store(self) -> None:
        """It is said whose it is, and what to do; the system's number for it is for nobody."""
        self.patch(os, "access", lambda path, mode: False)
        for command in (verify, du, status):
            code, said, complaint = self.call(command)
            self.assertEqual((code, said), (1, ""), command.NAME)
            self.assertIn("belongs to another user", complaint)
