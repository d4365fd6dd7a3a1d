"""The agent as a foreground child with its own terminal, signals and exit status, as if started directly.

The agent stays in our process group: what the terminal sends (Ctrl-C, Ctrl-Z, a new window size) reaches it directly,
and the shell sees one job. So we ignore the signals of these keys, and forward signals that are sent only to us.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

#: Signals sent by a terminal to the whole process group: the agent handles them.
_KEYS = (signal.SIGINT, signal.SIGQUIT)
#: Signals sent to us but meant for the agent.
_HANDED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: Seconds between two checks of the service while the agent runs.
_LOOK = 1.0


def run_child(command: Sequence[str], environment: Mapping[str, str], look: Callable[[], object]) -> int:
    """Run a program until it exits, and return its status, negative if a signal ended it.

    :param environment: all its variables.
    :param look: called about once a second meanwhile; its exceptions do not affect the program.
    :raises OSError: if it cannot be started.
    """
    # Signals meant for the agent may arrive at once: they are blocked until the child exists.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    before: dict[signal.Signals, Any] = {number: signal.signal(number, signal.SIG_IGN) for number in _KEYS}
    try:
        child = subprocess.Popen(  # noqa: S603 - the user's own command
            list(command), env=dict(environment), preexec_fn=_as_before(before, mask), close_fds=False
        )

        def hand_on(number: int, frame: FrameType | None) -> None:
            child.send_signal(number)

        # Only now does the child exist to which they are forwarded; until here they were blocked, not lost.
        before |= {number: signal.signal(number, hand_on) for number in _HANDED_ON}
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return _wait(child, look)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_before(handlers: Mapping[signal.Signals, object], mask: Iterable[int]) -> Callable[[], None]:
    """Return a function that restores our original signal handling in a child: what is ignored or blocked stays so
    after exec.
    """

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
            except Exception:  # noqa: S112 - the agent continues whatever became of the service
                continue


def end_as(status: int) -> int:
    """Return an exit status, or end by the signal that ended the child, as a shell expects."""
    if status >= 0:
        return status
    number = signal.Signals(-status)
    if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL, signal.SIGPIPE):
        if number is signal.SIGQUIT:
            _no_core_dump()
        if number is not signal.SIGKILL:
            # Python's own handler would raise KeyboardInterrupt instead of ending by the signal.
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


def _no_core_dump() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
