"""Settings of our own processes: limits, garbage collection, and returning memory to the system."""

import ctypes
import gc
import resource
import sys
import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: Enough descriptors for the usual 4096 clients, each with its upstream, and the rest.
MOST_DESCRIPTORS = 16384
#: Descriptors for everything except clients and upstreams: listeners, log, children, files.
OTHER_DESCRIPTORS = 256

#: Seconds between two checks for memory to return, and how much processor time makes a check worthwhile.
GIVE_BACK_EVERY, WORTH_WHILE = 5.0, 0.1

#: `mallopt`'s parameter for the size from which an allocation is mapped separately, and that size in bytes.
M_MMAP_THRESHOLD, MAPPED_FROM = -3, 1 << 20

#: Objects allocated before a young collection, and young collections before older ones: rare enough to stay out of
#: the tail of latencies, often enough that cycles do not pile up.
THRESHOLDS = (1000, 20, 1000)

#: How long a thread keeps the interpreter while another one waits for it, in seconds; Python's default is a tenth of
#: it.
SWITCH_S = 0.05


def switch_threads_rarely() -> None:
    """Keep threads that only take turns with a process's work from interrupting each other every 5 ms.

    Nothing waits for one of them in particular, and every switch loses cache contents: a fifth of the recorder's
    processor time for small calls.
    """
    sys.setswitchinterval(SWITCH_S)


def raise_descriptor_limit(clients: int = 0) -> int:
    """Raise the soft limit of open files as far as the hard one allows and we can use.

    :param clients: how many clients may be served at once, each with its own upstream connection.
    :return: the limit in effect.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    useful = max(MOST_DESCRIPTORS, 2 * clients + OTHER_DESCRIPTORS)
    wanted = useful if hard == resource.RLIM_INFINITY else min(hard, useful)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return soft


def freeze_gc(thresholds: tuple[int, int, int] = THRESHOLDS) -> None:
    """Exempt everything allocated during startup from collection, and set the thresholds for the rest."""
    # Before freezing: what is garbage now would otherwise be kept for ever.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)


def return_large_pieces() -> None:
    """Return the memory of a large body to the system when it is freed.

    glibc raises this threshold when the first large allocation is freed, and keeps later ones in its heaps: ten
    readers of 20 MB left 350 MB behind, with the threshold fixed nothing. Other libraries have no such call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)


def trim_heap() -> None:
    """Return empty pages of the C heap to the system: 28 of 70 MB after a backlog, in 5 ms.

    By itself glibc returns only the heap's end. Other libraries have no such call, and need it less.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class HeapTrimmer:
    """Returns memory every few seconds, as long as there is work and once after it.

    For processes that may pause for some milliseconds.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        spent: Callable[[], float] = time.process_time,
        give_back: Callable[[], None] = trim_heap,
    ) -> None:
        """Set up the trimmer.

        :param spent: returns the processor time in seconds that the process has used.
        """
        self._spent, self._give_back, self._seen = spent, give_back, spent()
        self._checking = LoopingCall(self._check)
        self._checking.clock = clock

    def start(self) -> None:
        """Start returning free pages from time to time."""
        done = self._checking.start(GIVE_BACK_EVERY, now=False)
        done.addErrback(lambda failure: self._log.failure("free memory is no longer returned to the system", failure))

    def stop(self) -> None:
        """Stop returning free pages to the system."""
        if self._checking.running:
            self._checking.stop()

    def _check(self) -> None:
        spent = self._spent()
        if spent - self._seen >= WORTH_WHILE:
            self._seen = spent
            self._give_back()
