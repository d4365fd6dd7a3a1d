"""What commands do where a data dir is busy, or none."""

from ccsproxy.store import control
from ccsproxy.store.directory import Lock
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
            status, said, complaint = self.call(command, *arguments)
            self.assertEqual((status, said), (1, ""))
            self.assertIn("stop it first", complaint)
        self.assertEqual((self.call(verify)[0], self.call(du)[0], self.call(keep)[0]), (0, 0, 0))

    def test_mistakes_are_one_sentence(self) -> None:
        """Wrong arguments and missing folders end with one line and status 1."""
        for command, arguments, data_dir in (
            (verify, (), "/nowhere/at/all"),
            (rm, ("../x",), None),
            (gc, ("--retain-days", "soon"), None),
            (gc, ("--retain-size", "-1"), None),
            (import_store, ("/nowhere/at/all",), None),
            (du, (), None),
        ):
            status, said, complaint = self.call(command, *arguments, data_dir=data_dir)
            self.assertEqual((status, said, len(complaint.splitlines())), (1, "", 1), command.NAME)
