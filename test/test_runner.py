"""Tests of the suite's own runner: counts, division into jobs, and that it ends when it is told to."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from test import runner
from test.runner import BYTES_A_SECOND, JOB_SECONDS, ROOT, Job, find_modules, known_seconds, make_jobs, read_counts


class CountTests(SynchronousTestCase):
    """A job without a good result never counts as one."""

    def test_verdicts(self) -> None:
        """Trial's numbers are taken over; what is missing or contradicts itself is an error."""
        for output, status, counts in (
            ("Ran 3 tests in 1s\n\nPASSED (skips=1, successes=2)\n", 0, {"successes": 2, "skips": 1}),
            ("Ran 2 tests in 1s\n\nFAILED (failures=1, successes=1)\n", 1, {"failures": 1, "successes": 1}),
            ("Ran 2 tests in 1s\n\nPASSED (successes=2)\n", 1, {"successes": 2, "errors": 1}),
            ("Ran 2 tests in 1s\n\nPASSED (successes=2)\n", -9, {"successes": 2, "errors": 1}),
            ("Fatal Python error: Aborted\n", -6, {"errors": 1}),
            ("", 0, {"errors": 1}),
        ):
            self.assertEqual(dict(read_counts(output, status)), counts)


class JobTests(SynchronousTestCase):
    """Which modules share a process, and which job comes first."""

    def test_division(self) -> None:
        """Unit modules share a job up to its length; each integration module has its own; the longest is first."""
        files = [ROOT / "test" / "wire" / f"test_{name}.py" for name in "abc"]
        files += [ROOT / "test" / "integration" / f"test_{name}.py" for name in "xy"]
        seconds = dict(zip(files, (JOB_SECONDS - 1, 1, 2, JOB_SECONDS * 2, JOB_SECONDS * 3), strict=True))
        self.assertEqual(
            make_jobs(files, seconds.__getitem__),
            [
                Job(("test.integration.test_y",), JOB_SECONDS * 3),
                Job(("test.integration.test_x",), JOB_SECONDS * 2),
                Job(("test.wire.test_a", "test.wire.test_b"), JOB_SECONDS),
                Job(("test.wire.test_c",), 2),
            ],
        )

    def test_new_modules_are_estimated(self) -> None:
        """One that has not been measured is as long as its size lets expect."""
        self.patch(runner, "DURATIONS", Path("nowhere"))
        file = Path(__file__)
        self.assertEqual(known_seconds()(file), file.stat().st_size / BYTES_A_SECOND)

    def test_everything_is_found_once(self) -> None:
        """All test modules are found, each once; `unit` leaves out those that start programs."""
        every = sorted((ROOT / "test").rglob("test_*.py"))
        self.assertEqual(find_modules(["test", "test.wire"], unit=False), every)
        unit = find_modules(["test"], unit=True)
        self.assertTrue(unit)
        self.assertFalse([path for path in unit if {"integration", "browser"} & set(path.parts)])


class EndTests(SynchronousTestCase):
    """A suite that is told to end takes every process with it."""

    def test_sigterm(self) -> None:
        """SIGTERM ends a test that neither ends nor listens, the program it started, and one with its own session."""
        folder = Path(self.mktemp()).absolute()
        (folder / "stuck").mkdir(parents=True)
        (folder / "stuck" / "__init__.py").write_text("")
        mark = folder / "pid"
        (folder / "stuck" / "test_stuck.py").write_text(
            "import os, pathlib, signal, subprocess, time\n"
            "from twisted.trial.unittest import SynchronousTestCase\n"
            "class StuckTests(SynchronousTestCase):\n"
            "    def test_stuck(self):\n"
            "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "        child = subprocess.Popen(['sleep', '600'])\n"
            "        service = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            f"        pathlib.Path({str(mark)!r}).write_text(f'{{os.getpid()}} {{child.pid}} {{service.pid}}')\n"
            "        time.sleep(600)\n"
        )
        code = (
            f"import sys, test.runner as r; from pathlib import Path; r.ROOT = Path({str(folder)!r}); r.GRACE = 0.5; "
            "r.import_everything = lambda: None; "
            "sys.exit(r.main(['stuck']))"
        )
        suite = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
        self.addCleanup(suite.kill)
        deadline = time.monotonic() + 60
        while not (mark.exists() and mark.read_text().count(" ")) and time.monotonic() < deadline:
            time.sleep(0.05)
        suite.send_signal(signal.SIGTERM)
        self.assertEqual(suite.wait(30), 128 + signal.SIGTERM)
        for pid in map(int, mark.read_text().split()):
            self.assertFalse(is_alive(pid))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one whose end nobody has asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
