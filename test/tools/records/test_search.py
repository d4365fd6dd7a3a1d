"""``ccsproxy search``: requests that say some words."""

import json

from test.tools.commands import CommandCase


class SearchTests(CommandCase):
    """Words."""

    def reindexed(self) -> None:
        self.assertEqual(self.run_command("reindex")[0], 0)

    def test_search_says_by_status_whether_there_was_anything(self) -> None:
        """Like grep: 0 with a find, 1 without; and what was not found is not blamed on the index."""
        self.reindexed()
        words = json.dumps(self.records[0]["request"]["body"]["messages"][-1])
        word = max((w for w in words.split() if w.isalpha()), key=len)
        status, out, _ = self.run_command("search", word)
        self.assertEqual(status, 0)
        self.assertIn("/", out)
        self.assertEqual(self.run_command("search", "qqqqqqqqzzzzzzz")[:2], (1, ""))

    def test_without_an_index(self) -> None:
        """What could not be looked through is said, with what helps; not of a whole index."""
        for argv in (("search", "anything"), ("stats",), ("cost",), ("why", "last"), ("ls", "--sessions")):
            self.assertEqual(self.run_command(*argv)[2].count("ccsproxy reindex"), 1, argv)
        self.reindexed()
        self.assertNotIn("ccsproxy reindex", self.run_command("search", "anything")[2])
