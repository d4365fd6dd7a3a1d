"""Says where each millisecond of a call goes, by process, thread and function, for each scenario.

usage: python -m bench.profile [--scenario NAME]... [--level full] [--least PERCENT]
The processor time of each thread is the kernel's count. What functions take of it is sampled by py-spy, 250 times a
second where a thread has the interpreter's lock, and given in milliseconds of that count: C code that lets go of the
lock (SQLite, RE2, zstd, system calls) counts with the Python around it in proportion. Sampling costs a few percent.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.ports import free_port, wait_for
from bench.proxies import HERE, Peer, load, on_load_core, running
from bench.run import WORK_OFF_S, build
from bench.scenarios import SCENARIOS, USUAL, agent_file, headers_of
from bench.usage import Usage

#: Frames that tell that a thread waits.
_WAITING = re.compile(
    r"wait \(threading|wait_for \(threading|FastEpoll|poll \(|_run \(ccsproxy/store/writer.py:\d+\)$"
)
_LINE = re.compile(r":\d+\)$")
#: Samples a second.
_RATE = 250
#: Longer than the bench drives them, for a small call is a few samples only.
_SECONDS = {"json": 6.0, "burst": 6.0}


def thread_times(process: psutil.Process) -> dict[int, float]:
    """Return the milliseconds of processor time of each thread of a process, by the kernel's count."""
    times = {}
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        try:
            times[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e6
        except (OSError, ValueError, IndexError):
            continue
    return times


@contextmanager
def sampled(process: psutil.Process, into: Path) -> Iterator[None]:
    """Sample the stacks of a process meanwhile."""
    spy = str(Path(sys.executable).with_name("py-spy"))
    options = ["-p", str(process.pid), "-d", "3600", "-t", "-g", "-f", "raw", "-r", str(_RATE), "-o", str(into)]
    child = subprocess.Popen([spy, "record", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)  # it reads the symbols first
    try:
        yield
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def stacks(path: Path) -> Iterator[tuple[int, list[str], int]]:
    """Yield the thread, the functions from the outermost in, and the samples of each stack that does not wait."""
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        number = re.search(r"\d+", thread)
        if number and not any(_WAITING.search(frame) for frame in frames[-3:]):
            yield int(number.group()), [_LINE.sub(")", frame) for frame in frames], int(count)


class Tree:
    """What functions take, those that they call included."""

    def __init__(self) -> None:
        self.samples = 0
        self.below: dict[str, Tree] = {}

    def add(self, frames: list[str], count: int) -> None:
        tree = self
        tree.samples += count
        for frame in frames:
            tree = tree.below.setdefault(frame, Tree())
            tree.samples += count

    def write(self, milliseconds: float, least: float, depth: int = 2) -> None:
        """Print the tree; what takes less than so many milliseconds is left out, and what only calls one function."""
        for frame, tree in sorted(self.below.items(), key=lambda each: -each[1].samples):
            taken = milliseconds * tree.samples / max(1, self.samples)
            if taken < least:
                continue
            passes_on = len(tree.below) == 1 and next(iter(tree.below.values())).samples > 0.97 * tree.samples
            if not passes_on:
                print(f"{'  ' * depth}{taken:8.3f} {frame}")
            tree.write(taken, least, depth if passes_on else depth + 1)


def profile(scenario: str, level: str, least: float, directory: Path) -> None:
    given, upstream = SCENARIOS[scenario], free_port()
    arguments = [*headers_of(scenario), *given.arguments(agent_file(directory), _SECONDS.get(scenario))]
    peer = Peer("ccsproxy" if level == "full" else "ccsproxy-off", directory / scenario, upstream, tls=False, ca=None)
    mock = [*on_load_core(given.paced), str(HERE / "bin/upstream"), str(upstream)]
    with running(mock, directory / "upstream.log"), peer.up() as usage:
        wait_for(upstream)
        processes = {"relay": usage.root, **({"recorder": usage.recorder} if usage.recorder else {})}
        time.sleep(3)  # the recorder has its lower priority by then
        for name, process in processes.items():
            drive(scenario, name, process, usage, peer.port, arguments, least, directory)


def drive(
    scenario: str, name: str, process: psutil.Process, usage: Usage, port: int, arguments: list[str],
    least: float, directory: Path,
) -> None:  # fmt: skip
    """Drive the proxy once while one of its processes is sampled, and print what its threads took."""
    into = directory / f"{scenario}-{name}.stacks"
    with sampled(process, into):
        before = thread_times(process)
        result = load(port, arguments, SCENARIOS[scenario].paced)
        usage.work_off(WORK_OFF_S)
        after = thread_times(process)
    calls = max(1, result["total_requests"])
    trees: dict[int, Tree] = {}
    for thread, frames, count in stacks(into):
        trees.setdefault(thread, Tree()).add(frames, count)
    total = (sum(after.values()) - sum(before.values())) / calls
    print(f"\n{scenario}, {name}: {calls} calls, {total:.3f} ms each")
    for thread, spent in sorted(after.items(), key=lambda each: -each[1]):
        taken = (spent - before.get(thread, 0)) / calls
        if taken > 0.001:
            print(f"  {taken:8.3f} ms a call  thread {thread}")
            trees.get(thread, Tree()).write(taken, total * least / 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--level", choices=("full", "off"), default="full")
    parser.add_argument("--least", type=float, default=1.0, help="percent of a process's time that is worth a line")
    args = parser.parse_args()
    build()
    with tempfile.TemporaryDirectory(prefix="ccsproxy-profile-") as name:
        for scenario in args.scenario or USUAL:
            profile(scenario, args.level, args.least, Path(name))


if __name__ == "__main__":
    main()
