"""A day of a laptop in minutes: ``python -m bench.laptop [--minutes M] [--seed S] [--failing PERCENT] [--dir DIR]``.

Agents work before a real ccsproxy while the machine sleeps, changes its network, fills its disk, and its user logs
out and in; with ``--failing``, so many percent of the recorder's calls to the disk fail (strace), of the answers
break off, and of the agents hang up. Then says whether every answered exchange has one record or is counted as lost,
and how memory, descriptors, index and WAL grew. The clock is not set: `test.store.test_clock_steps` does that.

Needs Linux; a full disk needs root, for a file system of its own.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ccsproxy.store.index.schema import NAME
from test.integration.harness import records_in
from test.integration.load import Agents, Upstream
from test.integration.test_kills import Service, wait_for

RECORDER = "ccsproxy.capture.main"
DISK_MB = 192
#: Calls of the recorder that fail now and then.
CALLS = "fdatasync,ftruncate,rename,unlink,openat"


class Laptop:
    """A machine with a service on it, and what happens to it."""

    def __init__(self, folder: Path, seed: int, failing: float) -> None:
        self.dice, self.failing = random.Random(seed), failing
        self.data_dir = folder / "disk" / "data"
        self.data_dir.parent.mkdir(parents=True)
        disk = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.data_dir.parent)]
        self.mounted = os.geteuid() == 0 and not subprocess.run(disk, capture_output=True).returncode
        self.upstream = Upstream(failing=failing / 100)
        self.service = Service(self.data_dir, self.upstream.url, "--retain-size", "24M", "--rotate-size", "2M")
        self.agents = Agents(lambda: self.service.port, failing=failing / 100)
        self.strace: list[subprocess.Popen[bytes]] = []
        self.samples: list[dict[str, float]] = []
        self.diary: list[tuple[float, str]] = []

    def sleep(self) -> None:
        """Close the lid: every process stands still, and goes on all at once."""
        os.killpg(self.service.process.pid, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 4.0))
        os.killpg(self.service.process.pid, signal.SIGCONT)

    def change_network(self) -> None:
        """Lose every connection, and for a while all new ones."""
        port = int(self.upstream.url.rpartition(":")[2])
        self.upstream.close()
        time.sleep(self.dice.uniform(0.2, 2.0))
        self.upstream = Upstream(port, self.failing / 100)

    def fill_disk(self) -> None:
        """Let something else take all the room, and give it back."""
        if not self.mounted:
            return
        ballast = self.data_dir.parent / "ballast"
        try:
            with ballast.open("wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        except OSError:
            pass
        time.sleep(self.dice.uniform(0.5, 3.0))
        ballast.unlink()

    def log_out(self) -> None:
        """Close the terminal, and begin again."""
        os.killpg(self.service.process.pid, signal.SIGHUP)
        time.sleep(0.2)
        self.service.stop()
        self.end_strace()
        self.service.start()

    def crash_recorder(self) -> None:
        """Let the system kill what uses memory."""
        for pid in self.service.children(RECORDER):
            os.kill(pid, signal.SIGKILL)

    def fail(self) -> None:
        """Let calls of the recorder fail from now on."""
        self.end_strace()
        every = round(100 / self.failing)
        inject = f"inject={CALLS}:error=EIO:when={every}+{every}"
        for pid in self.service.children(RECORDER):
            command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={CALLS}", "-e", inject]
            self.strace.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def end_strace(self) -> None:
        """Let everything work again."""
        for process in self.strace:
            process.terminate()
            process.wait()
        self.strace = []

    def sample(self) -> None:
        """Note how large everything is."""
        pids = [self.service.process.pid, *self.service.children(RECORDER)]
        sizes = {path.name: path.stat().st_size for path in self.data_dir.glob(NAME + "*")}
        self.samples.append({
            "memory_mb": sum(map(_resident, pids)) / 1e6,
            "descriptors": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
            "index_mb": sizes.get(NAME, 0) / 1e6,
            "wal_mb": sizes.get(NAME + "-wal", 0) / 1e6,
            "segments_mb": sum(path.stat().st_size for path in self.data_dir.glob("segments/*")) / 1e6,
        })  # fmt: skip

    def live(self, minutes: float) -> None:
        """Go through the day."""
        events: list[Callable[[], None]] = [self.sleep, self.change_network, self.fill_disk, self.log_out,
                                            self.crash_recorder]  # fmt: skip
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            answered = len(self.agents.answered)
            if self.failing and not self.strace:
                self.fail()
            wait_for(lambda: len(self.agents.answered) > answered + 20, "answers")  # noqa: B023
            self.sample()
            event = self.dice.choice(events)
            self.diary.append((time.time(), event.__name__))
            event()

    def end(self) -> list[dict[str, Any]]:
        """Stop everything; return the records."""
        self.end_strace()
        self.agents.stop()
        time.sleep(2.0)
        self.service.stop()
        return records_in(self.data_dir)

    def circumstances(self, record: dict[str, Any]) -> str:
        """Say why an exchange was counted as lost, and what happened around its beginning."""
        begun = datetime.fromisoformat(record["started_at"]).timestamp()
        before = [name for at, name in self.diary if at <= begun][-2:]
        after = next((name for at, name in self.diary if at > begun), "the end")
        return f"{record['error']['message']} {' '.join(before)}, then {after}"

    def close(self) -> None:
        """Leave nothing behind."""
        self.end_strace()
        if self.service.process.poll() is None:
            self.service.kill(everything=True)
        self.upstream.close()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.data_dir.parent)], check=False)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Live a day, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failing", type=float, default=0.0, help="percent")
    parser.add_argument("--dir", default=None)
    parser.add_argument("--log", action="store_true", help="print the end of the service's log")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ccsproxy-laptop-", dir=args.dir))
    laptop = Laptop(folder, args.seed, args.failing)
    try:
        laptop.live(args.minutes)
        found = laptop.end()
    finally:
        print(laptop.service.log.read_text()[-4000:] if args.log else "", end="")
        laptop.close()
        shutil.rmtree(folder, ignore_errors=True)
    return judge(laptop, found)


def judge(laptop: Laptop, found: list[dict[str, Any]]) -> int:
    """Say what became of the exchanges and how everything grew; 1 when something is wrong."""
    twice = [each for each, count in Counter(record["id"] for record in found).items() if count > 1]
    wrong = laptop.agents.wrong
    kept = {record["request"]["path"] for record in found}
    unclean = [record for record in found if record["outcome"] == "unclean"]
    done = dict(Counter(name for _, name in laptop.diary))
    print(f"{done}; {len(laptop.agents.answered)} answered, {len(found)} records kept, {len(unclean)} unclean")
    for why, count in Counter(map(laptop.circumstances, unclean)).most_common():
        print(f"{count:6} unclean: {why}")
    newest = sorted(laptop.agents.answered, key=lambda path: int(path.rpartition("-")[2]))[-40:]
    print(
        f"{len(twice)} records twice, {len(wrong)} answers altered, {len(set(newest) - kept)} of the last 40 missing"
    )
    for name in laptop.samples[0]:
        values = [sample[name] for sample in laptop.samples]
        third = max(1, len(values) // 3)
        early, late = sum(values[third : 2 * third]) / third, sum(values[-third:]) / third
        print(f"{name:12} second third {early:8.1f}  last third {late:8.1f}  most {max(values):8.1f}")
    return 1 if twice or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
