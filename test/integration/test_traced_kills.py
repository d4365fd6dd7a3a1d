"""A writer that is killed before its n-th write, sync, rename or removal, in any of its threads, keeps its promises.

``strace`` kills it on entering the n-th such system call of a thread. ``CCSPROXY_TRACED_KILLS=60`` tries the first 60
of each, as far as a run makes so many.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.maintenance.check import check
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.segments.files import Files
from test.integration.traced_writer import TOGETHER
from test.store.records import stored_ids

_ROOT = Path(__file__).parents[2]
#: Segments are written by ``write``, the index by ``pwrite64``.
CALLS = ("write", "fdatasync", "fsync", "rename", "unlink", "pwrite64")
#: How many of each are tried in the long run.
LONG = int(os.environ.get("CCSPROXY_TRACED_KILLS", "0"))
SHORT = (("write", 2), ("write", 9), ("write", 21), ("fdatasync", 4), ("fsync", 5), ("rename", 2), ("unlink", 3))


def traced(call: str, number: int, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program that is killed when one of its threads enters its n-th call of a kind."""
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["strace", "-f", "-o", "/dev/null", *inject, *command], capture_output=True, cwd=_ROOT, env=environment
    )


def why_not() -> str:
    """Say why nothing can be killed like this here; empty when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    result = traced("write", 1, "/bin/echo", "survived")
    return "" if result.returncode in (-9, 137) and not result.stdout else "strace cannot inject signals here"


class TracedKillTests(SynchronousTestCase):
    """One data dir, killed and used again, time after time."""

    def setUp(self) -> None:
        reason = why_not()
        if reason:
            raise SkipTest(reason)
        self.data_dir = Path(self.mktemp()).absolute()
        self.accepted: set[str] = set()
        self.acknowledged: set[str] = set()

    def run_and_kill(self, call: str, number: int) -> bool:
        """Let a writer work until it is killed; tell whether it was."""
        writer = (sys.executable, "-m", "test.integration.traced_writer", str(self.data_dir))
        result = traced(call, number, *writer)
        words = result.stdout.decode().split()
        self.accepted |= {f"id{word[1:]}" for word in words if word[0] == "+"}
        said = {f"id{word[1:]}" for word in words if word[0] == "="}
        self.assertFalse(said & self.acknowledged, "a number was given twice")
        self.acknowledged |= said
        ended = "end" in words
        self.assertTrue(ended or result.returncode in (-9, 137), result.stderr[-2000:])
        return not ended

    def judge(self, what: str) -> None:
        """Recover, and compare what is there with what was accepted and acknowledged."""
        result = recover(Files(), self.data_dir, (), time.time())
        self.assertEqual((result.problems, result.damaged), ([], 0), what)
        ids = stored_ids(self.data_dir)
        unclean = {begun.id for begun in result.unclean}
        self.assertEqual(set(ids.values()) | {1}, {1}, f"{what}: a record is there twice")
        self.assertLessEqual(self.acknowledged, set(ids), f"{what}: an acknowledged record is lost")
        self.assertFalse(unclean & set(ids), what)
        self.assertLessEqual(set(ids) | unclean, self.accepted, f"{what}: a record comes from nowhere")
        lost = self.accepted - set(ids) - unclean
        self.assertLessEqual(len(lost), TOGETHER, f"{what}: more is lost than was in flight")
        self.accepted -= lost
        bring_up(self.data_dir)
        report = check(self.data_dir)
        self.assertTrue(report.good, f"{what}: {report}")

    def calls(self) -> Iterator[tuple[str, int]]:
        """Yield what is killed at; a kind of call ends when a run does not make so many."""
        if not LONG:
            yield from SHORT
        for call in CALLS if LONG else ():
            for number in range(1, LONG + 1):
                yield call, number
                if not self.killed:
                    break

    def test_every_boundary(self) -> None:
        """Accepted is stored, unclean, or was in flight; nothing is doubled, half, or missing in the index."""
        kills = 0
        for call, number in self.calls():
            self.killed = self.run_and_kill(call, number)
            kills += self.killed
            if self.data_dir.exists():
                self.judge(f"killed at {call} {number}")
        self.assertGreaterEqual(kills, len(CALLS) if LONG else len(SHORT))
        self.assertGreater(len(self.acknowledged), kills)
