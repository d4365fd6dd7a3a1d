"""SIGSTOP of each process under load, as a debugger, a suspend or a starved machine does: nothing is lost for it."""

import os
import signal
import time

from test.integration.test_kills import KillCase, wait_for

#: How often each process is stopped; ``CCSPROXY_STOPS=100`` for the long run.
STOPS = int(os.environ.get("CCSPROXY_STOPS", "1"))
_CHILDREN = {
    "the recorder": "ccsproxy.capture.main",
    "a worker": "ccsproxy.workers.worker",
    "the API": "ccsproxy.api.process",
}


class StopTests(KillCase):
    """Four agents at work before two workers, and processes that stand still for a while, one after the other."""

    def pid(self, name: str) -> int:
        """Return a process of that name."""
        if name == "the main process":
            return self.service.process.pid
        wait_for(lambda: self.service.children(_CHILDREN[name]), name)
        return self.dice.choice(self.service.children(_CHILDREN[name]))

    def hold(self, name: str, seconds: float) -> None:
        """Stop a process for a while; agents that do not need it go on meanwhile."""
        pid, before = self.pid(name), len(self.agents.answered)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
            if name in ("the recorder", "the API"):
                wait_for(lambda: len(self.agents.answered) > before + 4, f"answers while {name} stands still")
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_every_process(self) -> None:
        """At random moments, for fractions of a second and for seconds; the recorder also while the service ends."""
        self.begin("--workers", "2", api=True)
        for _ in range(STOPS):
            for name in ("the main process", *_CHILDREN):
                self.work()
                self.hold(name, self.dice.choice((0.05, 0.3, 1.0 if STOPS == 1 else 2.5)))
        self.work()
        recorder = self.pid("the recorder")
        os.kill(recorder, signal.SIGSTOP)
        self.agents.stop()
        self.service.process.terminate()
        time.sleep(0.5)
        os.kill(recorder, signal.SIGCONT)
        self.assert_whole(self.records())
