"""Tests of the agent as a child: status, signals, terminal keys."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch import child
from ccsproxy.launch.child import run_child

_RUN = (
    "import os, sys; from ccsproxy.launch.child import end_as, run_child; "
    "sys.exit(end_as(run_child(sys.argv[1:], os.environ, lambda: None)))"
)


class ChildTests(SynchronousTestCase):
    """What a program does between the shell and the agent is not noticed by either."""

    def run_launcher(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a program that runs a command as a launcher does."""
        launcher = subprocess.Popen(
            [sys.executable, "-c", _RUN, *command], stdout=subprocess.PIPE, start_new_session=True
        )
        self.addCleanup(launcher.stdout.close)
        self.addCleanup(self.kill_all, launcher.pid)
        return launcher

    def kill_all(self, group: int) -> None:
        """Kill a launcher and what it has started."""
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_exit_status(self) -> None:
        """The agent's status is ours."""
        self.assertEqual(run_child(["sh", "-c", "exit 7"], os.environ, lambda: None), 7)
        self.assertEqual(self.run_launcher("sh", "-c", "exit 9").wait(30), 9)

    def test_ended_by_a_signal(self) -> None:
        """An agent that a signal ended ends us by the same."""
        self.assertEqual(self.run_launcher("sh", "-c", "kill -TERM $$").wait(30), -signal.SIGTERM)

    def test_term_is_handed_on(self) -> None:
        """What is sent to us alone reaches the agent, and its answer is ours."""
        launcher = self.run_launcher("sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
        self.assertEqual(launcher.stdout.readline(), b"up\n")
        launcher.send_signal(signal.SIGTERM)
        self.assertEqual(launcher.wait(30), 5)

    def test_a_key_reaches_the_agent_alone(self) -> None:
        """Ctrl-C goes to the whole group: the agent decides what it means, and we stay until it ends."""
        launcher = self.run_launcher(
            "sh", "-c", "trap 'echo key; key=1' INT; echo up; until [ $key ]; do sleep 0.05; done; exit 3"
        )
        self.assertEqual(launcher.stdout.readline(), b"up\n")
        os.killpg(launcher.pid, signal.SIGINT)
        self.assertEqual(launcher.stdout.readline(), b"key\n")
        self.assertEqual(launcher.wait(30), 3)

    def test_the_service_is_looked_after(self) -> None:
        """While the agent runs somebody looks at the service, and a look that fails does not concern the agent."""
        self.patch(child, "_LOOK", 0.02)
        looked = Path(self.mktemp()).absolute()

        def look() -> None:
            looked.touch()
            raise OSError("the service has died")

        until_looked = ["sh", "-c", 'until [ -e "$0" ]; do sleep 0.02; done', str(looked)]
        self.assertEqual(run_child(until_looked, os.environ, look), 0)
