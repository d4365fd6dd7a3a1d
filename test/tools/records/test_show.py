"""``ccsproxy show``: one exchange."""

import json

from ccsproxy.tools.printing import short
from test.insight.world import MAIN
from test.tools.answering import AnsweringCase
from test.tools.commands import CommandCase


class ShowTests(AnsweringCase):
    """In full, as it came, as JSON."""

    def test_full_and_raw(self) -> None:
        full = self.said("show", f"{MAIN}/17", "--full")
        self.assertGreater(len(full), 50_000)
        self.assertIn("\r\n", self.said("show", f"{MAIN}/17", "--raw"))

    def test_a_session(self) -> None:
        """A session is its conversation, each prompt once, or the conversation as JSON."""
        text = self.said("show", MAIN[:8])
        for words, _ in self.world.truths[MAIN].turns:
            self.assertEqual(text.count(f"**You:** {words[:20]}"), 1, words)
        self.assertEqual(len(self.answer("show", MAIN[:8])["turns"]), 12)


class NamedTests(CommandCase):
    """By whatever names it."""

    def reindexed(self) -> None:
        self.assertEqual(self.run_command("reindex")[0], 0)

    def test_show_by_short_name(self) -> None:
        """What ``ls`` prints is enough to name an exchange, and JSON is the record."""
        self.reindexed()
        record = self.records[-1]
        _, out, _ = self.run_command("show", f"{short(record['session_id'])}/{record['seq']}", "--json")
        self.assertEqual(json.loads(out)["id"], record["id"])
        status, out, _ = self.run_command("show", self.name(record))
        self.assertEqual(status, 0)
        self.assertIn(record["model"], out)

    def test_what_is_not_there(self) -> None:
        """One sentence, and status 2 for a form that a session has not."""
        self.reindexed()
        for argv in (
            ("show", "nope/1"),
            ("show", "nonsense"),
            ("show", self.records[0]["session_id"] + "/999"),
            ("export", "nope"),
            ("export", self.records[0]["session_id"], "--format", "curl"),
        ):
            status, out, err = self.run_command(*argv)
            wanted = 2 if "curl" in argv else 1
            self.assertEqual((status, out, err.count("\n")), (wanted, "", 1), argv)
