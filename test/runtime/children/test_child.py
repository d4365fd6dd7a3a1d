"""Children are started with a link, restarted with patience, and stopped for good."""

import os
import sys
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.children.child import (
    FIRST_PAUSE,
    HEALTHY_AFTER,
    LAST_PAUSE,
    LINK_FD,
    Child,
    Program,
    child_environment,
)
from ccsproxy.runtime.signals import END_IF_STARTING


class FakeProcess:
    """A process that was spawned."""

    pid = 2**22 + 1
    gone = False

    def __init__(self, protocol: Any) -> None:
        self.protocol, self.signals = protocol, []

    def signalProcess(self, name: str | int) -> None:
        if self.gone:
            raise ProcessExitedAlready
        self.signals.append(name)

    def end(self, status: int = 0) -> None:
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(status)
        self.protocol.processEnded(Failure(reason))


class SpawningClock(Clock):
    """A reactor that remembers what it spawned."""

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.processes: list[FakeProcess] = []
        self.broken = False

    def spawnProcess(self, protocol: Any, *arguments: Any, **keywords: Any) -> FakeProcess:
        if self.broken:
            raise OSError("no more processes")
        self.spawned.append((arguments, keywords))
        self.processes.append(FakeProcess(protocol))
        return self.processes[-1]


class ChildTests(SynchronousTestCase):
    """A `Child` over a reactor that spawns nothing."""

    def setUp(self) -> None:
        self.reactor = SpawningClock()
        self.links: list[Any] = []
        self.ended = 0
        self.child = Child(self.reactor, Program("some.module", ("-x",), {4: 77}), self.links.append, self.count)
        self.addCleanup(lambda: [link.close() for link in self.links])

    def count(self) -> None:
        self.ended += 1

    def test_it_runs_our_interpreter_with_a_link(self) -> None:
        """The module runs under this very Python, with link, output and further descriptors in their places."""
        self.child.start()
        (program, command, environment), keywords = self.reactor.spawned[0]
        self.assertEqual(program, sys.executable)
        self.assertEqual(command, [sys.executable, "-P", "-m", "some.module", "-x"])
        self.assertEqual({**keywords["childFDs"], LINK_FD: None}, {0: "w", 1: "r", 2: "r", LINK_FD: None, 4: 77})
        self.assertIn(os.path.abspath(sys.path[-1]), environment["PYTHONPATH"].split(os.pathsep))
        self.assertEqual(len(self.links), 1)

    def test_it_is_restarted_with_growing_pauses(self) -> None:
        """Each death in a row is followed by a longer pause, up to a limit; each start has a link of its own."""
        self.child.start()
        pause = FIRST_PAUSE
        for deaths in range(1, 12):
            self.reactor.processes[-1].end(1)
            self.reactor.advance(pause * 0.99)
            self.assertEqual(len(self.links), deaths)
            self.reactor.advance(pause * 0.02)
            self.assertEqual(len(self.links), deaths + 1)
            pause = min(LAST_PAUSE, pause * 2)
        self.assertEqual((self.child.restarts, self.ended), (11, 11))

    def test_a_proved_child_is_restarted_soon(self) -> None:
        """After a long good run the pause is the first one again."""
        self.child.start()
        for _ in range(5):
            self.reactor.processes[-1].end(1)
            self.reactor.advance(LAST_PAUSE)
        self.reactor.advance(HEALTHY_AFTER)
        self.reactor.processes[-1].end(1)
        self.reactor.advance(FIRST_PAUSE)
        self.assertEqual(len(self.links), 7)

    def test_a_system_that_cannot_fork_is_tried_again(self) -> None:
        """A failing spawn is logged and repeated later, not raised."""
        self.reactor.broken = True
        self.child.start()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.reactor.broken = False
        self.reactor.advance(FIRST_PAUSE)
        self.assertEqual(len(self.links), 1)

    def test_stop_waits_for_the_end(self) -> None:
        """A child that ends in time is not killed and not started again."""
        self.child.start()
        stopped = self.child.stop(5)
        self.assertNoResult(stopped)
        self.reactor.processes[0].end()
        self.successResultOf(stopped)
        self.reactor.advance(100)
        self.assertEqual((len(self.links), self.reactor.processes[0].signals), (1, [END_IF_STARTING]))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_kills_in_the_end(self) -> None:
        """A child that does not end is killed when its time is up."""
        self.child.start()
        self.child.stop(5)
        self.reactor.advance(5)
        self.assertEqual(self.reactor.processes[0].signals, [END_IF_STARTING, "KILL"])

    def test_stop_of_a_child_whose_end_is_not_told_yet(self) -> None:
        """Its process has gone already; that is all that was wanted."""
        self.child.start()
        self.reactor.processes[0].gone = True
        stopped = self.child.stop(5)
        self.reactor.processes[0].end()
        self.successResultOf(stopped)

    def test_stop_between_two_lives(self) -> None:
        """A child that is waiting for its restart is stopped at once."""
        self.child.start()
        self.reactor.processes[0].end(1)
        self.successResultOf(self.child.stop(5))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_output_comes_line_by_line(self) -> None:
        """Pieces of output become lines, the last one without its end included."""
        lines: list[bytes] = []
        self.child.line_received = lines.append  # type: ignore[method-assign]
        self.child.start()
        protocol = self.reactor.processes[0].protocol
        protocol.childDataReceived(2, b"one\ntw")
        protocol.childDataReceived(1, b"other\n")
        protocol.childDataReceived(2, b"o\nthree")
        self.reactor.processes[0].end(1)
        self.assertEqual(lines, [b"one", b"other", b"two", b"three"])


class ChildEnvironmentTests(SynchronousTestCase):
    """A child finds the modules that we have."""

    def test_the_path_is_absolute_and_ours(self) -> None:
        """The current directory is named, everything else of the environment stays."""
        environment = child_environment({"A": "1", "PYTHONPATH": "/old"}, ["", "/x", "/x"])
        path = f"{os.path.abspath(os.curdir)}{os.pathsep}/x"
        self.assertEqual(environment, {"A": "1", "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"})

    def test_a_setting_for_the_heap_is_kept(self) -> None:
        """Whoever starts us may know better."""
        self.assertEqual(child_environment({"MALLOC_ARENA_MAX": "4"}, [])["MALLOC_ARENA_MAX"], "4")
