"""What a process tree takes: processor time and memory by process, and when it has worked off what waited."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

#: A tree that takes less than this, in seconds of processor time within half a second, is idle.
_IDLE = 0.03
_LOOK_S = 0.5


class Usage:
    """Processor time and memory of a process tree, and of its recorder alone when there is one."""

    def __init__(self, pid: int | None) -> None:
        self.root = psutil.Process(pid) if pid else None
        self.recorder = next((p for p in self.tree() if "ccsproxy.capture.main" in p.cmdline()), None)
        self.peak = {"rss": 0.0, "pss": 0.0, "recorder_pss": 0.0}

    def tree(self) -> list[psutil.Process]:
        return [self.root, *self.root.children(recursive=True)] if self.root else []

    def cpu(self) -> dict[str, float]:
        """User and system seconds so far, of every process of the tree and of the recorder."""
        return {"cpu": sum(map(_seconds, self.tree())), "recorder_cpu": _seconds(self.recorder)}

    def memory(self) -> dict[str, float]:
        """Megabytes: resident (shared pages counted in each process) and proportional (shared pages counted once)."""
        infos = [p.memory_full_info() for p in self.tree()]
        recorder = self.recorder.memory_full_info() if self.recorder else None
        rss, pss = sum(i.rss for i in infos) / 1e6, sum(i.pss for i in infos) / 1e6
        return {"rss": rss, "pss": pss, "recorder_pss": recorder.pss / 1e6 if recorder else 0.0}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note the most memory that is taken meanwhile."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_LOOK_S):
            try:
                now = self.memory()
            except psutil.Error:
                continue
            self.peak = {name: max(value, now[name]) for name, value in self.peak.items()}

    def work_off(self, most: float) -> float:
        """Wait until the tree has been idle for a second.

        :param most: seconds that are waited at most.
        :return: for how many it went on working.
        """
        began, last, calm, worked = time.monotonic(), self.cpu()["cpu"], 0, 0.0
        while self.root and calm < 2 and time.monotonic() - began < most:
            time.sleep(_LOOK_S)
            now = self.cpu()["cpu"]
            calm = calm + 1 if now - last <= _IDLE else 0
            worked = worked if calm else time.monotonic() - began
            last = now
        return worked


def _seconds(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0
