"""Tests of the list of commands in the help."""

import os

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.command_list import GROUPS, listing

SUMMARIES = {"ls": "List requests.", "client-key": "Create keys. " * 12, "ca": "Show the CA."}


class ListingTests(SynchronousTestCase):
    """One command a line, in its group."""

    def lines(self, columns: int) -> list[str]:
        """Return the lines for a terminal of some width."""
        self.patch(os, "environ", {**os.environ, "COLUMNS": str(columns)})
        return listing(SUMMARIES).splitlines()

    def test_groups(self) -> None:
        """Every group has its title, commands without a summary are left out, and no command is listed twice."""
        lines = self.lines(100)
        self.assertEqual([title for title in GROUPS if f"{title}:" not in lines], [])
        self.assertIn("  ls          List requests.", lines)
        self.assertFalse(any(line.startswith("  tail") for line in lines))
        names = [name for group in GROUPS.values() for name in group]
        self.assertEqual(len(names), len(set(names)))

    def test_widths(self) -> None:
        """Summaries are wrapped at the width, 40 columns at the least; a long name has a line of its own."""
        for columns in (1, 40, 80, 200):
            lines = self.lines(columns)
            self.assertLessEqual(max(map(len, lines[:-1])), max(columns - 2, 40), columns)
            self.assertIn("  client-key  Create keys.", "\n".join(lines))
