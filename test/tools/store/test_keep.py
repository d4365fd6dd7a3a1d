"""Tests of ``ccsproxy keep``."""

from ccsproxy.tools.store import keep, reindex
from test.tools.storing import StoreCommandCase


class KeepTests(StoreCommandCase):
    """Stars, by which retention passes sessions over."""

    def test_keep_and_leave(self) -> None:
        """By a part of the id; listed without one; leaving one that nothing is recorded of any more works, too."""
        self.call(reindex)
        sid = self.records[0]["session_id"]
        self.assertEqual(self.call(keep, sid[:-2]), (0, f"{sid}\n", ""))
        self.assertEqual(set(self.call(keep, "gone-session")[1].split()), {sid, "gone-session"})
        self.assertEqual(self.call(keep, "--json")[1].count(","), 1)
        self.assertEqual(self.call(keep, "--undo", "gone-se", sid), (0, "", ""))

    def test_what_is_no_id(self) -> None:
        """One sentence, and nothing is starred."""
        status, _, complaint = self.call(keep, "a b")
        self.assertEqual(status, 2)
        self.assertIn("is not a session id", complaint)
        self.assertEqual(self.call(keep), (0, "", ""))
