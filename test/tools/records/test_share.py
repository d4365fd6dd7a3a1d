"""``ccsproxy share``: one file, and what went."""

import json
import stat
from pathlib import Path

from test.insight.world import MAIN
from test.tools.answering import AnsweringCase


class ShareTests(AnsweringCase):
    """A session of the world."""

    def test_a_file(self) -> None:
        file = Path(self.mktemp()).absolute()
        said = self.said("share", MAIN, "-o", str(file))
        page = file.read_text("utf-8")
        self.assertIn("<!doctype html", page[:200].lower())
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertIn("masked:", said)
        self.assertIn("Review it", said)
        status, _, err = self.run_command("share", MAIN, "-o", str(file))
        self.assertEqual(status, 1)
        self.assertIn("exists already", err)

    def test_for_programs(self) -> None:
        file = Path(self.mktemp()).absolute()
        found = json.loads(self.said("share", MAIN, "-o", str(file), "--json"))
        self.assertEqual((found["file"], found["bytes"]), (str(file), file.stat().st_size))
