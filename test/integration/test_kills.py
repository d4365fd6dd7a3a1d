"""kill -9 under load, of each process and of all: what was answered is a record, or known to be lost."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from collections import Counter
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from test.integration.harness import records_in
from test.integration.load import Agents, Upstream

#: How many kills in all; ``CCSPROXY_SERVICE_KILLS=1000`` for the long run.
KILLS = int(os.environ.get("CCSPROXY_SERVICE_KILLS", "12"))
PATIENCE = 60.0
#: Seconds by which the agents' times and the records' may differ: records have milliseconds.
CLOCKS = 0.005

_ROOT = Path(__file__).parents[2]


class Service:
    """A ccsproxy in processes of its own, started and killed."""

    def __init__(self, data_dir: Path, upstream: str, *options: str, api: bool = False) -> None:
        self.data_dir = data_dir
        self._command = [
            *(sys.executable, "-m", "twisted", "ccsproxy", "--data-dir", str(data_dir), "--upstream", upstream),
            *("--proxy-port", "0", *(("--api-port", "0") if api else ("--no-api",)), *options),
        ]
        self.log = data_dir.parent / "log"
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, and wait until it relays."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=_ROOT, start_new_session=True, env={**os.environ}
            )
        wait_for(self._is_up, f"the service: {self.log}")

    def _is_up(self) -> bool:
        try:
            run = json.loads((self.data_dir / "run.json").read_text())
        except (OSError, ValueError):
            return False
        self.port = int(run["proxy"][0].rpartition(":")[2].rstrip("/"))
        return bool(run["pid"] == self.process.pid)

    def children(self, module: str) -> list[int]:
        """Return the processes that run a module for it."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                command = (path / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            if parent == self.process.pid and module.encode() in command:
                found.append(int(path.name))
        return found

    def kill(self, everything: bool) -> None:
        """Kill the main process, or all of them at once."""
        if everything:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Stop in order; a backlog on a busy machine takes as long as it takes, while it becomes less."""
        self.process.terminate()
        written = -1
        while (now := self.written()) != written:
            written = now
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
                return
        raise AssertionError(f"the service neither ends nor records: {self.log}")

    def written(self) -> int:
        """Return how many bytes of records there are that are not compressed yet."""
        total = 0
        for path in self.data_dir.glob("segments/*.jsonl"):
            # It may be compressed, and gone, between being listed and being looked at.
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total


def wait_for(condition: Any, what: str) -> None:
    """Wait for something that another process does."""
    late = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > late:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


def without_moment(spans: list[tuple[float, float]], moments: list[float]) -> list[tuple[float, float]]:
    """Give each span of time one of the moments in it; return the spans for which none is left."""
    left, without = sorted(moments), []
    # The span that ends first takes the first moment in it: no other choice serves more spans.
    for begin, end in sorted(spans, key=itemgetter(1)):
        at = bisect_left(left, begin - CLOCKS)
        if at < len(left) and left[at] <= end + CLOCKS:
            del left[at]
        else:
            without.append((begin, end))
    return without


class KillCase(SynchronousTestCase):
    """Four agents at work, and a service that is disturbed."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute() / "data"
        self.data_dir.parent.mkdir(parents=True)
        self.upstream = Upstream()
        self.addCleanup(self.upstream.close)
        self.dice = random.Random()

    def begin(self, *options: str, api: bool = False) -> None:
        """Start a service, and agents before it."""
        self.service = Service(self.data_dir, self.upstream.url, *options, api=api)
        self.addCleanup(self.end)
        self.agents = Agents(lambda: self.service.port)

    def end(self) -> None:
        self.agents.stop()
        if self.service.process.poll() is None:
            self.service.kill(everything=True)

    def work(self) -> None:
        """Let the agents have some answers, so that there is something to lose."""
        answers, written = len(self.agents.answered), self.service.written()
        wait_for(
            lambda: len(self.agents.answered) > answers + 4 and self.service.written() != written,
            "answers, and records",
        )
        time.sleep(self.dice.uniform(0.0, 0.3))

    def records(self) -> list[dict[str, Any]]:
        """Stop everything, and return the records; there is one of each exchange, and no number twice."""
        self.agents.stop()
        self.service.stop()
        found = records_in(self.data_dir)
        self.assertEqual(max(Counter(r["id"] for r in found).values()), 1)
        self.assertEqual(max(Counter((r["session_id"], r["seq"]) for r in found).values()), 1)
        # A request is never sent again, so that two of one path would be one exchange twice.
        paths = Counter(path for r in found if (path := r["request"]["path"]))
        self.assertEqual([path for path, count in paths.items() if count > 1], [])
        self.assertEqual(self.agents.wrong, [])
        self.assertGreater(len(self.agents.answered), 5)
        return found

    def assert_whole(self, found: list[dict[str, Any]]) -> None:
        """What was answered has one record, and all of it is there."""
        by_path = {r["request"]["path"]: r for r in found}
        for path in self.agents.answered:
            self.assertIn(path, by_path, "it was answered and has no record")
            self.assert_one(path, by_path.pop(path))
        for record in by_path.values():
            if record["outcome"] == "complete":
                # Its relay died between the copy of the last bytes and the bytes themselves: the record says so.
                self.assertTrue(record["capture"]["faults"], "it was not answered, and nothing tells")

    def assert_one(self, path: str, record: dict[str, Any]) -> None:
        """A record has all of what was answered."""
        sizes = record["request"]["body_bytes"], record["response"] and record["response"]["body_bytes"]
        why = (path, record["outcome"], record["capture"])
        self.assertEqual((record["partial"], sizes), (False, self.agents.answered[path]), why)
        self.assertEqual(record["capture"]["dropped_bytes"], 0, why)

    def assert_known(self, found: list[dict[str, Any]]) -> None:
        """What was answered has one record: a whole one, or an unclean one that at least says when it began."""
        unclean = [r for r in found if r["outcome"] == "unclean"]
        named = {r["request"]["path"] for r in unclean}
        by_path = {r["request"]["path"]: r for r in found}
        # A journal knows no path: when such an exchange began tells which one it was.
        nameless = []
        for path, times in self.agents.times.items():
            if path not in by_path:
                nameless.append(times)
            elif path not in named:
                self.assert_one(path, by_path[path])
        begun = [datetime.fromisoformat(r["started_at"]).timestamp() for r in unclean if not r["request"]["path"]]
        lost = without_moment(nameless, begun)
        self.assertEqual(lost, [], f"lost, of {len(self.agents.answered)} with {len(unclean)} unclean")


class KillTests(KillCase):
    """A process that is killed at a random moment, again and again."""

    def kill_child(self, module: str, times: int) -> None:
        """Kill a child again and again, when its successor has come."""
        for _ in range(times):
            self.work()
            wait_for(lambda: self.service.children(module), module)
            os.kill(self.dice.choice(self.service.children(module)), signal.SIGKILL)

    def test_the_recorder(self) -> None:
        """Nothing is lost, whatever it had taken."""
        self.begin()
        self.kill_child("ccsproxy.capture.main", KILLS * 2 // 5)
        self.assert_whole(self.records())

    def test_a_worker(self) -> None:
        """What it had answered is recorded whole, what it had under way is unclean."""
        self.begin("--workers", "2")
        self.kill_child("ccsproxy.workers.worker", KILLS * 3 // 10)
        self.assert_whole(self.records())

    def test_the_relay(self) -> None:
        """Its recorder works off what it was given, and a service that is started meanwhile waits for it."""
        self.begin()
        for _ in range(max(1, KILLS * 3 // 20)):
            self.work()
            self.service.kill(everything=False)
            self.service.start()
        self.assert_whole(self.records())

    def test_all_at_once(self) -> None:
        """What was answered has a whole record, or one that says that it was lost."""
        self.begin()
        for _ in range(max(1, KILLS * 3 // 20)):
            self.work()
            self.service.kill(everything=True)
            self.service.start()
        self.assert_known(self.records())
