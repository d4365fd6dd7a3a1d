"""``ccsproxy note``: stars, tags and notes."""

from test.insight.world import MAIN
from test.tools.answering import AnsweringCase


class NoteTests(AnsweringCase):
    """Written, listed, taken back."""

    def test_note(self) -> None:
        self.assertEqual(self.run_command("note")[:2], (1, ""))
        out = self.said("note", f"{MAIN[:8]}/{self.joined}", "why", "this?", "--star", "--tag", "cache")
        self.assertEqual(out, f"* {MAIN}/{self.joined} #cache  why this?\n")
        self.assertEqual(len(self.said("ls", "tag:cache", "--json").splitlines()), 1)
        self.assertEqual(self.run_command("note", MAIN[:8], "--tag", "two words")[0], 1)
        self.said("note", f"{MAIN}/{self.joined}", "--unstar", "--untag", "cache", "--clear")
        self.assertEqual(self.run_command("ls", "tag:cache")[0], 1)
