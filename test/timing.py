"""What each test costs: real seconds, processor seconds of its own, and those of the processes that it started.

Wall time on a busy machine says little; processor time says what a test costs, and the rest of the real time is what
it waited: for a child process, for a timer, or in a poll. `test.runner` prints the dearest of both.
"""

import json
import resource
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attr
from twisted.trial.reporter import TestResult


@attr.frozen
class Cost:
    """What one test, or the tests of one module together, took.

    :ivar name: the dotted name of the test or module.
    :ivar wall: real seconds.
    :ivar own: seconds of processor time in the process of the tests.
    :ivar children: seconds of processor time in processes that were started and have ended.
    """

    name: str
    wall: float
    own: float
    children: float

    @property
    def processor(self) -> float:
        """Seconds of processor time, wherever."""
        return self.own + self.children

    @property
    def waited(self) -> float:
        """Real seconds in which this process had nothing to compute, its children's computing included."""
        return max(0.0, self.wall - self.own)


def read_clocks() -> tuple[float, float, float]:
    """Return real time, this process's processor time and that of its ended children, in seconds."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), time.process_time(), ended.ru_utime + ended.ru_stime


def record_tests(file: Path) -> None:
    """Have trial, in this process, write a line to a file for each test that it has run.

    :param file: gets lines of JSON: name, and what `Cost` has.
    """
    begin, end = TestResult.startTest, TestResult.stopTest
    begun = read_clocks()

    def start_test(result: TestResult, test: Any) -> None:
        nonlocal begun
        begun = read_clocks()
        begin(result, test)

    def stop_test(result: TestResult, test: Any) -> None:
        end(result, test)
        spent = [round(now - then, 4) for now, then in zip(read_clocks(), begun, strict=True)]
        with file.open("a") as out:
            out.write(json.dumps([test.id(), *spent]) + "\n")

    TestResult.startTest, TestResult.stopTest = start_test, stop_test  # type: ignore[method-assign]


def read_costs(file: Path) -> list[Cost]:
    """Read what `record_tests` has written; nothing where no test has ended."""
    return [Cost(*json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def by_module(costs: Iterable[Cost]) -> list[Cost]:
    """Add the costs of tests up by module; a test's name is its module's, its class's and its own."""
    sums: dict[str, Cost] = {}
    for each in costs:
        module = each.name.rsplit(".", 2)[0]
        so_far = sums.get(module, Cost(module, 0, 0, 0))
        sums[module] = Cost(module, so_far.wall + each.wall, so_far.own + each.own, so_far.children + each.children)
    return list(sums.values())


def table(costs: list[Cost], most: int) -> str:
    """Lay out which modules and tests took most processor time, and which tests waited longest.

    :param most: how many rows of each.
    """
    modules = by_module(costs)
    lines: list[str] = []
    for title, rows, key in (
        ("modules by processor time", modules, "processor"),
        ("tests by processor time", costs, "processor"),
        ("tests by waiting", costs, "waited"),
    ):
        lines.append(f"{title}: seconds of processor time (own + children), real seconds")
        for each in sorted(rows, key=lambda cost: -float(getattr(cost, key)))[:most]:
            lines.append(f"  {each.own:6.2f} + {each.children:5.2f} {each.wall:7.2f}  {each.name}")
    return "\n".join(lines)
