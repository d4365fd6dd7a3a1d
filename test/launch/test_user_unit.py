"""Tests of the service as a unit of the user's own systemd."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ccsproxy.launch.background import Background, NoService
from ccsproxy.launch.user_unit import NAME, UserUnit, unit_path, unit_text


class UserUnitTests(SynchronousTestCase):
    """What is written, and what systemd is told."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute() / "systemd" / "user" / NAME
        self.said: list[Sequence[str]] = []
        self.status = 0

    def run_(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        self.said.append(command[2:])
        return subprocess.CompletedProcess(command, self.status, "", "Failed to connect to bus: No medium found\n")

    def test_start_and_remove(self) -> None:
        unit = UserUnit(self.path, self.run_)
        unit.start(["/opt/ccsproxy/bin/python", "-m", "ccsproxy.tools", "serve"])
        self.assertIn("ExecStart=/opt/ccsproxy/bin/python -m ccsproxy.tools serve\n", self.path.read_text())
        self.assertEqual(self.said[-1], ["enable", "--now", NAME])
        self.assertTrue(unit.remove())
        self.assertIn(["disable", "--now", NAME], self.said)
        self.assertFalse(self.path.exists() or unit.remove())

    def test_no_systemd(self) -> None:
        """Without a systemd of the user nothing is written, and one sentence says what works."""
        self.status = 1
        failed = self.assertRaises(NoService, UserUnit(self.path, self.run_).start, ["x"])
        self.assertIn("No medium found. Use 'ccsproxy up' without --systemd instead.", str(failed))
        self.assertFalse(self.path.exists())

    def test_words_are_quoted(self) -> None:
        """Blanks, quotes, percent and dollar signs in a path stay what they are."""
        text = unit_text(["/home/a b/100%/$x", 'say "hi"', ""])
        self.assertIn('ExecStart="/home/a b/100%%/$$x" "say \\"hi\\"" ""\n', text)

    def test_path(self) -> None:
        home = Path("/home/me")
        self.assertEqual(unit_path({}, home), home / ".config/systemd/user" / NAME)
        self.assertEqual(unit_path({"XDG_CONFIG_HOME": "/c"}, home), Path("/c/systemd/user") / NAME)

    def test_systemd_reads_it(self) -> None:
        """``systemd-analyze verify`` finds nothing wrong with the unit of a real command line."""
        if shutil.which("systemd-analyze") is None:
            raise SkipTest("systemd-analyze is not installed")
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        unit = folder / NAME
        unit.write_text(unit_text(Background(folder / "a b").command(while_wanted=False)))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
        self.assertEqual([line for line in done.stderr.splitlines() if NAME in line], [])
