"""Probes that precede an agent's first call, held for a moment so that they join the agent's session.

Claude Code sends ``HEAD /`` when it starts, with another library and seconds before its first call names a session.
"""

from collections.abc import Callable
from typing import Any

from ccsproxy.capture.frames import EndFrame
from ccsproxy.capture.recorder.assembly import Assembly

#: How long a probe that has ended waits for a call of the same program, in seconds.
HOLD_S = 3.0
#: No more probes are held than this; they cost memory.
_MOST = 64


class Probes:
    """Holds probes without a session.

    :param later: calls a callable after some seconds; None if nothing may be held.
    :param release: assigns a session to a held probe, and ends it.
    """

    def __init__(
        self, later: Callable[[float, Callable[[], None]], Any] | None, release: Callable[[Assembly, EndFrame], None]
    ) -> None:
        self._later, self._release = later, release
        self._held: dict[int, tuple[Assembly, EndFrame, str]] = {}

    def hold(self, assembly: Assembly, ended: EndFrame, program: str) -> bool:
        """Hold a probe that has ended, if that may bring it to a session.

        :param program: see `ccsproxy.capture.recorder.sessions.placement.Placement.program`.
        :return: whether it is held.
        """
        if self._later is None or not program or assembly.process is None or len(self._held) >= _MOST:
            return False
        # Claude Code alone does this, with HEAD; holding other calls would keep them out of every list meanwhile.
        if assembly.head.method != b"HEAD" or assembly.seq:
            return False
        self._held[assembly.number] = assembly, ended, program
        self._later(HOLD_S, lambda: self._let_go(assembly.number))
        return True

    def followed(self, program: str) -> None:
        """Release a program's probes, because one of its calls has a session now."""
        for number in [number for number, (*_, whose) in self._held.items() if whose == program]:
            self._let_go(number)

    def let_all_go(self) -> None:
        """Release the probes of all programs."""
        for number in list(self._held):
            self._let_go(number)

    def _let_go(self, number: int) -> None:
        held = self._held.pop(number, None)
        if held is not None:
            self._release(held[0], held[1])
