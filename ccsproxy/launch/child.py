"""The agent as a foreground child with its own terminal, signals and exit status, as if started directly.

The agent stays in our process group: what the terminal sends (Ctrl-C, Ctrl-Z, a window's new size) reaches it
directly, and
the shell sees one job. So we ignore the keys that are meant for it, and hand on what is sent to us alone.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

#: What a terminal sends to the whole group: the agent's to act on.
_KEYS = (signal.SIGINT, signal.SIGQUIT)
#: What somebody sends to us and means for the agent.
_HANDED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: Seconds between two looks at the service while the agent runs.
_LOOK = 1.0


def run_child(command: Sequence[str], environment: Mapping[str, str], look: Callable[[], object]) -> int:
    """Run a program until it ends, and return its status, minus the signal if one ended it.

    :param environment: all its variables.
    :param look: called about once a second while it runs; what it raises does not concern the program.
    :raises OSError: when it cannot be started.
    """
    # From the agent's first moment on somebody may send us what is meant for it: it waits until there is a child.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    before: dict[signal.Signals, Any] = {number: signal.signal(number, signal.SIG_IGN) for number in _KEYS}
    try:
        child = subprocess.Popen(  # noqa: S603 - the user's own command
            list(command), env=dict(environment), preexec_fn=_as_before(before, mask), close_fds=False
        )

        def hand_on(number: int, frame: FrameType | None) -> None:
            child.send_signal(number)

        # Only now is there a child to hand them to; until here they were blocked, not lost.
        before |= {number: signal.signal(number, hand_on) for number in _HANDED_ON}
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return _wait(child, look)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_before(handlers: Mapping[signal.Signals, object], mask: Iterable[int]) -> Callable[[], None]:
    """Return what gives a child the treatment of signals that we had: what is ignored or blocked stays so through
    exec."""

    def restore() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_IGN if handler is signal.SIG_IGN else signal.SIG_DFL)

    return restore


def _wait(child: "subprocess.Popen[bytes]", look: Callable[[], object]) -> int:
    while True:
        try:
            return child.wait(_LOOK)
        except subprocess.TimeoutExpired:
            try:
                look()
            except Exception:  # noqa: S112 - the agent goes on whatever became of the service
                continue


def end_as(status: int) -> int:
    """Return an exit status, or end by the signal that ended the child, as a shell expects of who stood between."""
    if status >= 0:
        return status
    number = signal.Signals(-status)
    if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL, signal.SIGPIPE):
        if number is signal.SIGQUIT:
            _no_core_dump()
        if number is not signal.SIGKILL:
            # Python's own handler would raise KeyboardInterrupt in place of dying by the signal.
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


def _no_core_dump() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
