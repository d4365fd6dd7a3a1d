"""Run the suite in several trial processes: ``python -m test.runner [--jobs N] [--unit] [--measure] [PACKAGE ...]``.

``trial -j`` starts its workers in folders of their own, where ``import test`` finds CPython's own suite. Here each
job is what ``python -m twisted.trial`` does, in this folder, with a temporary folder of its own; the jobs share a
queue, the longest first, so that all processors are busy to the end. How long a module takes is kept in
``durations.json``, which ``--measure`` writes anew. What a job prints is shown when something in it failed.

Jobs are forked from here, where everything is imported already: importing took a quarter of the suite's processor
time. Nothing but modules is shared; no reactor is installed before the fork.

No test can hold the suite up: a job has a time limit, and SIGTERM or SIGINT end every process that a job began.
"""

import argparse
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import attr

from test import made_once
from test.timing import Cost, read_costs, record_tests, table

ROOT = Path(__file__).parent.parent
#: Folders whose tests start programs or use sockets; all others are unit tests.
SLOW = ("integration", "browser", "engines")
#: Seconds that one job may take, and that its processes have to end when told to.
LIMIT, GRACE = 900.0, 3.0
#: A job of unit tests takes so many seconds at most: starting trial costs more than a small module's tests.
JOB_SECONDS = 10.0
#: What each module takes, in seconds, and so many bytes of source of one that has not been measured.
DURATIONS, BYTES_A_SECOND = Path(__file__).with_name("durations.json"), 10_000
#: A folder in memory: tests sync thousands of files, which costs a disk some milliseconds each.
MEMORY, MEMORY_NEEDED = Path("/dev/shm"), 4 << 30

_VERDICT = re.compile(r"^(?:PASSED|FAILED)(?: \(([^)]*)\))?$", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)


@attr.frozen
class Job:
    """Some test modules that run in one process.

    :ivar modules: their dotted names.
    :ivar weight: about how many seconds it takes.
    """

    modules: tuple[str, ...]
    weight: float


@attr.frozen
class Result:
    """What came of a job.

    :ivar counts: trial's own numbers by its own names (``successes``, ``failures``, ``errors``, ``skips``, ...).
    :ivar output: what it printed.
    :ivar seconds: how long it took.
    :ivar processor: seconds of processor time, of its own and of every process that it started and waited for.
    :ivar costs: what each of its tests took.
    """

    job: Job
    counts: Counter[str]
    output: str
    seconds: float
    processor: float
    costs: list[Cost]

    @property
    def failed(self) -> int:
        """How many tests did not pass."""
        return self.counts["failures"] + self.counts["errors"] + self.counts["unexpectedSuccesses"]


def read_counts(output: str, status: int) -> Counter[str]:
    """Read trial's closing lines; a job that ended without them, or with a bad status, counts as an error.

    :param status: the exit status of the job.
    """
    verdicts = _VERDICT.findall(output)
    if not verdicts or not _RAN.search(output):
        return Counter(errors=1)
    counts = Counter({word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", verdicts[-1])})
    if status and not counts["failures"] + counts["errors"] + counts["unexpectedSuccesses"]:
        counts["errors"] += 1
    return counts


def find_modules(packages: Iterable[str], unit: bool) -> list[Path]:
    """Find the files of the test modules under some packages.

    :param packages: dotted names of packages or modules.
    :param unit: whether to leave out those that start programs or use sockets.
    """
    found: set[Path] = set()
    for package in packages:
        path = ROOT.joinpath(*package.split("."))
        found.update(path.rglob("test_*.py") if path.is_dir() else [path.with_suffix(".py")])
    return sorted(path for path in found if not (unit and path.relative_to(ROOT).parts[1] in SLOW))


def module_name(file: Path) -> str:
    """Return the dotted name of a test module."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def known_seconds() -> Callable[[Path], float]:
    """Return what says how long a module takes: as measured, by its size where it is new."""
    try:
        measured: dict[str, float] = json.loads(DURATIONS.read_text())
    except FileNotFoundError:
        measured = {}
    return lambda path: measured.get(module_name(path), path.stat().st_size / BYTES_A_SECOND)


def make_jobs(files: Iterable[Path], seconds: Callable[[Path], float], together: float = JOB_SECONDS) -> list[Job]:
    """Divide modules into jobs, the longest first.

    :param seconds: says how long a module takes. One of integration tests is a job of its own.
    :param together: unit tests share a job up to so many seconds.
    """
    jobs: list[Job] = []
    batch: list[tuple[str, float]] = []
    for file in files:
        named = module_name(file), seconds(file)
        if file.relative_to(ROOT).parts[1] == "integration":
            jobs.append(_joined([named]))
            continue
        if batch and sum(each for _, each in batch) + named[1] > together:
            jobs.append(_joined(batch))
            batch.clear()
        batch.append(named)
    if batch:
        jobs.append(_joined(batch))
    return sorted(jobs, key=lambda job: -job.weight)


def _joined(batch: list[tuple[str, float]]) -> Job:
    return Job(tuple(name for name, _ in batch), sum(seconds for _, seconds in batch))


#: What most tests need beside our own modules; none of it installs a reactor.
_NEEDED = (
    *("twisted.scripts.trial", "twisted.trial.runner", "twisted.trial.reporter", "twisted.trial.unittest"),
    *("twisted.internet.testing", "twisted.web.client", "treq.testing"),
    *("hypothesis.strategies", "hypothesis.stateful"),
    # The vendors' SDKs take three seconds, and tests in seven of the jobs compare with them.
    *("anthropic", "anthropic.lib.streaming._beta_messages", "openai.lib.streaming.chat"),
)


def keep_bytecode(folder: Path) -> None:
    """Compile each module once: here, in the jobs and in every process that tests start, into one folder."""
    sys.pycache_prefix, sys.dont_write_bytecode = str(folder), False


def import_everything() -> None:
    """Import what tests need, once for all jobs; the objects are out of the collector's way from then on."""
    import ccsproxy

    ours = [each.name for each in pkgutil.walk_packages(ccsproxy.__path__, "ccsproxy.")]
    for name in (*_NEEDED, *(name for name in ours if not name.endswith("__main__"))):
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # of an extra that is not installed, whose tests say so themselves
    # Hypothesis tabulates all characters that there are before the first text that it makes, which takes a second.
    importlib.import_module("hypothesis").find(importlib.import_module("hypothesis.strategies").text(), bool)
    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("a module installs a reactor when it is imported")
    gc.collect()
    gc.freeze()
    # Tests make much that lives until they end. The default looks for garbage after each 700 objects, which took a
    # twentieth of the suite's processor time.
    gc.set_threshold(20_000, 20, 20)


#: What every process of a job has in its environment: services and their children make groups of their own.
_JOB = "CCSPROXY_SUITE_JOB"


def processes_of(job: str) -> list[int]:
    """Find the processes that a job has started and that have not ended."""
    mark, found = f"{_JOB}={job}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue  # it has just ended, or is another user's
    return found


class Running:
    """A job under way: a process group of its own, whose output goes to a file."""

    def __init__(self, job: Job, arguments: list[str], folder: Path) -> None:
        self.job, self._began = job, time.monotonic()
        self._file, self._mark = (folder / "output").open("w+b"), str(folder)
        self._status: int | None = None
        self._processor = 0.0
        self._costs = folder / "costs"
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            _become(arguments, self._file.fileno(), folder)

    @property
    def alive(self) -> bool:
        """Whether its trial runs."""
        if self._status is None:
            pid, status, used = os.wait4(self._pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
            self._processor = used.ru_utime + used.ru_stime
        return self._status is None

    def result(self) -> Result | None:
        """Return what came of it, None while it runs; past its limit it is ended."""
        seconds = time.monotonic() - self._began
        if self.alive:
            if seconds > LIMIT:
                os.kill(self._pid, signal.SIGABRT)
            return None
        self.kill(signal.SIGKILL)  # what its tests left behind
        self._file.seek(0)
        output = self._file.read().decode(errors="replace")
        self._file.close()
        counts = read_counts(output, self._status or 0)
        return Result(self.job, counts, output, seconds, self._processor, read_costs(self._costs))

    def kill(self, number: signal.Signals) -> None:
        """Send a signal to every process of the job."""
        for pid in processes_of(self._mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)


def _become(arguments: list[str], output: int, folder: Path) -> NoReturn:
    """Be trial from here on, in the process that was just forked, and end as it does."""
    status, bytecode = 1, folder.parent / "bytecode"
    try:
        os.setsid()
        os.chdir(ROOT)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.closerange(3, 256)  # the outputs of other jobs
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        # Of a test that hangs, the limit's SIGABRT shows where. Tests start hundreds of processes, each of which
        # would spend most of its start on compiling what others have compiled, where no bytecode is kept.
        faulthandler.enable()
        os.environ.update({"PYTHONFAULTHANDLER": "1", "PYTHONPYCACHEPREFIX": str(bytecode)})
        os.environ.update({made_once.FOLDER: str(folder.parent), _JOB: str(folder)})
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.argv, sys.path[0] = ["trial", *arguments], str(ROOT)
        random.seed()
        record_tests(folder / "costs")
        from twisted.scripts.trial import run

        run()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc()
    finally:
        # No handlers of the exit: among them are our parent's, which would remove the folder that all jobs share.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Suite:
    """Works a queue of jobs off, so many at a time, and adds their results up."""

    def __init__(self, jobs: list[Job], at_once: int, folder: Path) -> None:
        self._waiting, self._at_once, self._folder = jobs, at_once, folder
        self._running: list[Running] = []
        self._started = 0
        self.counts: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.processor = 0.0
        self.costs: list[Cost] = []

    def run(self) -> None:
        """Run every job, and say of each what came of it as it ends."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._at_once:
                self._start(self._waiting.pop(0))
            for running in self._running[:]:
                result = running.result()
                if result is not None:
                    self._running.remove(running)
                    self._count(result)
            time.sleep(0.05)

    def stop(self) -> None:
        """End whatever runs, gently at first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for running in self._running:
                running.kill(number)
            deadline = time.monotonic() + GRACE
            while time.monotonic() < deadline and any(running.alive for running in self._running):
                time.sleep(0.05)

    def _start(self, job: Job) -> None:
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir()
        self._running.append(Running(job, [f"--temp-directory={folder / 'trial'}", *job.modules], folder))

    def _count(self, result: Result) -> None:
        self.counts += result.counts
        self.seconds[result.job.modules[0]] = round(result.seconds, 1)
        self.processor += result.processor
        self.costs += result.costs
        names = result.job.modules[0] + (f" and {len(result.job.modules) - 1} more" if result.job.modules[1:] else "")
        said = ", ".join(f"{number} {word}" for word, number in result.counts.items() if number)
        print(f"{result.seconds:6.1f} s, {result.processor:5.1f} of processor  {names}: {said}", flush=True)
        if result.failed:
            print(result.output, flush=True)


def _place() -> Path | None:
    """Choose where the tests' folders are: in memory where there is enough of it, else where temporary files are."""
    try:
        free = shutil.disk_usage(MEMORY).free
    except OSError:
        return None
    return MEMORY if free >= MEMORY_NEEDED and os.access(MEMORY, os.W_OK) else None


def _ended_by(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; print trial's closing lines for all of it together.

    :return: the exit status, 0 when every test passed.
    """
    parser = argparse.ArgumentParser(prog="python -m test.runner")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1, help="processes at once")
    parser.add_argument("--unit", action="store_true", help="only tests without programs and sockets")
    parser.add_argument("--measure", action="store_true", help="write down how long each module takes")
    parser.add_argument("--slowest", type=int, default=10, help="rows of each table of what took longest")
    parser.add_argument("--costs", type=Path, help="a file that gets a line of JSON for each test")
    parser.add_argument("packages", nargs="*", default=["test"], help="dotted names; default: everything")
    said = parser.parse_args(arguments)
    jobs = make_jobs(find_modules(said.packages, said.unit), known_seconds(), 0 if said.measure else JOB_SECONDS)
    signal.signal(signal.SIGTERM, _ended_by)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ccsproxy-suite-", dir=_place(), ignore_cleanup_errors=True) as folder:
        keep_bytecode(Path(folder) / "bytecode")
        import_everything()
        suite = Suite(jobs, said.jobs, Path(folder))
        try:
            suite.run()
        finally:
            suite.stop()
    if said.measure:
        DURATIONS.write_text(json.dumps(suite.seconds, indent=0, sort_keys=True) + "\n")
    print(table(suite.costs, said.slowest))
    if said.costs:
        said.costs.write_text("".join(json.dumps(attr.astuple(each)) + "\n" for each in suite.costs))
    counts = suite.counts
    failed = counts["failures"] + counts["errors"] + counts["unexpectedSuccesses"]
    print(
        "-" * 79 + f"\nRan {sum(counts.values())} tests in {time.monotonic() - began:.1f}s, "
        f"{suite.processor + time.process_time():.1f}s of processor time\n"
    )
    verdict = "FAILED" if failed or not counts else "PASSED"
    print(f"{verdict} ({', '.join(f'{word}={number}' for word, number in sorted(counts.items()) if number)})")
    return 1 if verdict == "FAILED" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
