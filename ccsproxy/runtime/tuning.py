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

#: More descriptors than this are not needed for the usual 4096 clients, each with its upstream, and the rest.
MOST_DESCRIPTORS = 16384
#: Descriptors for everything but clients and upstreams: listeners, log, children, files.
OTHER_DESCRIPTORS = 256

#: Seconds between two looks at what can be given back, and of work before it is worth while.
GIVE_BACK_EVERY, WORTH_WHILE = 5.0, 0.1

#: `mallopt`'s name for the size from which a piece of memory is mapped by itself, and that size in bytes.
M_MMAP_THRESHOLD, MAPPED_FROM = -3, 1 << 20

#: Objects made before a young collection, and young collections before older ones: rare enough to stay out of the
#: tail of latencies, often enough that what cycles there are do not pile up.
THRESHOLDS = (1000, 20, 1000)

#: How long a thread keeps the interpreter that another waits for, in seconds; Python's own is a tenth of it.
SWITCH_S = 0.05


def switch_threads_rarely() -> None:
    """Let threads that only do a process's work in turns not interrupt one another every 5 ms.

    Nobody waits for one of them in particular, and every change costs what the caches held: a fifth of the recorder's
    processor time for small calls.
    """
    sys.setswitchinterval(SWITCH_S)


def raise_descriptor_limit(clients: int = 0) -> int:
    """Raise the soft limit of open files as far as the hard one allows and we can use.

    :param clients: how many clients may be served at a time, each with an upstream of its own.
    :return: the limit that counts now.
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
    """Exempt all that was made during the start from collection, and set the thresholds for what comes."""
    # Before freezing: what is garbage now would else be kept for ever.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)


def return_large_pieces() -> None:
    """Give the memory of a large body back to the system when it is freed.

    glibc raises the threshold by itself with the first large piece that is freed, and keeps later ones in its heaps:
    ten readers of 20 MB left 350 MB behind, with the threshold fixed nothing. Elsewhere there is no such call.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)


def trim_heap() -> None:
    """Give pages of the C heap in which nothing is left back to the system: 28 of 70 MB after a backlog, in 5 ms.

    By itself glibc gives back only the heap's end. Other libraries have no such call, and do not need it as much.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class HeapTrimmer:
    """Gives memory back every few seconds, as long as there is work and once after it.

    For processes that may pause for some milliseconds.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        spent: Callable[[], float] = time.process_time,
        give_back: Callable[[], None] = trim_heap,
    ) -> None:
        """Make one.

        :param spent: the seconds of processor time that the process has used.
        """
        self._spent, self._give_back, self._seen = spent, give_back, spent()
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def start(self) -> None:
        """Begin to give free pages back from time to time."""
        done = self._looking.start(GIVE_BACK_EVERY, now=False)
        done.addErrback(lambda failure: self._log.failure("memory is not given back any more", failure))

    def stop(self) -> None:
        """End giving pages back."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        spent = self._spent()
        if spent - self._seen >= WORTH_WHILE:
            self._seen = spent
            self._give_back()
