"""The opening of each exchange: its session and number are determined, and its start is announced.

An exchange is opened as soon as its session is known: from its head, its body, or the calling program. Missing
information is awaited for a moment: a probe waits for the first call of its agent, a call for the program that sent
it.
"""

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from ccsproxy.capture.frames import EndFrame
from ccsproxy.capture.recorder import events
from ccsproxy.capture.recorder.assembly import Assembly
from ccsproxy.capture.recorder.interfaces import Store
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.sessions.placement import Placement
from ccsproxy.capture.recorder.sessions.probes import Probes
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.exchange.record import Started

#: How long the session of an exchange waits for the program that calls, in seconds.
WAIT_S = 0.2

#: The fault of an exchange that was recorded without having been announced.
UNANNOUNCED = "capture_error"
#: Calls a callable after some seconds.
Later = Callable[[float, Callable[[], None]], Any]


class Opening:
    """Opens exchanges. States of one: not open (``seq`` is 0), waiting (``waits``, still 0), open; never back.

    An exchange that opens in a reactor turn is announced at the turn's end. If it has ended by then, as most small
    ones have, its record replaces the announcement. Until that record is acknowledged, the relay's log still holds
    everything that a crash would need the announcement for. Likewise, a head whose body may follow in the same turn
    is identified together with the body, once instead of twice. Numbers within a session follow the order of heads.

    :ivar placement: chooses the sessions.
    """

    _log = Logger()

    def __init__(
        self,
        sessions: Sessions,
        store: Store,
        report: Report,
        under_way: dict[str, Started],
        later: Later | None,
        finish: Callable[[Assembly, EndFrame], None],
    ) -> None:
        """Create the opener.

        :param under_way: by id, what an earlier recorder has announced; it keeps its session and number.
        :param later: None if nothing may be delayed.
        :param finish: ends a probe that was held.
        """
        self.placement = Placement(sessions)
        self._sessions, self._store, self._report = sessions, store, report
        self._under_way, self._later = under_way, later
        self._probes = Probes(later, finish)
        self._in_turn = False
        self._unannounced: dict[Assembly, None] = {}
        self._unmet: dict[Assembly, None] = {}

    def meet(self, assembly: Assembly) -> None:
        """Process an exchange's head, and open it if that suffices, or at the turn's end without its body."""
        self.placement.meet(assembly)
        if self._in_turn and not assembly.request.bodiless:
            self._unmet[assembly] = None
        else:
            self._meet(assembly)

    def _meet(self, assembly: Assembly) -> None:
        named = assembly.identify(None)
        waits = assembly.head.method == b"HEAD" and not self.placement.knows(assembly)
        if named is not None or (assembly.request.bodiless and not waits) or assembly.head.id in self._under_way:
            self.open(assembly, named, None)

    def open_with_body(self, assembly: Assembly, wait: bool = True) -> None:
        """Open an exchange whose body has arrived."""
        self._meet_those_before(assembly)
        body = assembly.request.json
        self.open(assembly, assembly.identify(body), body, wait)

    def open(self, assembly: Assembly, named: str | None, body: Any, wait: bool = True) -> None:
        """Assign a session and number to an exchange, and announce it.

        :param named: the session that the client names; None if it names none.
        :param wait: for a moment, if its end may identify the calling program.
        """
        self._unmet.pop(assembly, None)
        numbered = self._under_way.get(assembly.head.id)
        if wait and numbered is None and self._waits(assembly, named):
            return
        self._under_way.pop(assembly.head.id, None)
        harmless = assembly.gate.session(named, assembly.request.lines)
        assembly.understand(body)
        placed = self.placement.place(assembly, harmless, body)
        self._probes.followed(self.placement.program(assembly))
        assembly.session_id = numbered.session_id if numbered is not None else placed
        assembly.seq = numbered.seq if numbered is not None else self._sessions.next_seq(placed)
        if numbered is not None:
            assembly.announced = True
        elif self._in_turn:
            self._unannounced[assembly] = None
        else:
            self._announce(assembly)

    def turn_begins(self) -> None:
        """Keep announcements until the turn ends."""
        self._in_turn = True

    def turn_ends(self) -> None:
        """Announce what was opened in this turn and has not ended."""
        self._in_turn = False
        self._meet_those_before(None)
        waiting, self._unannounced = self._unannounced, {}
        for assembly in waiting:
            try:
                self._announce(assembly)
            except Exception:
                self._log.failure("an exchange could not be announced")
                assembly.note(UNANNOUNCED)

    def ended(self, assembly: Assembly) -> None:
        """Announce an exchange no more: its record comes."""
        self._unmet.pop(assembly, None)
        self._unannounced.pop(assembly, None)

    def _meet_those_before(self, assembly: Assembly | None) -> None:
        """Open the exchanges with earlier heads, as far as their heads suffice; None for all."""
        while self._unmet:
            each = next(iter(self._unmet))
            del self._unmet[each]
            if each is assembly:
                return
            try:
                self._meet(each)
            except Exception:
                self._log.failure("the calling program could not be determined")
                each.note(UNANNOUNCED)

    def _announce(self, assembly: Assembly) -> None:
        started = assembly.gate.started(assembly.started(), assembly.request.lines)
        self._store.started(started)
        self._report.event(events.request_started(started))
        assembly.announced = True

    def open_somehow(self, assembly: Assembly) -> None:
        """Number an exchange that could not be opened, in the run's own session."""
        assembly.session_id = self._sessions.choose(None)
        assembly.seq = self._sessions.next_seq(assembly.session_id)

    def told(self, assembly: Assembly, ended: EndFrame) -> None:
        """Use what an exchange's end reveals about the calling program."""
        if self.placement.told(assembly, ended.ending):
            self._probes.followed(self.placement.program(assembly))

    def hold(self, assembly: Assembly, ended: EndFrame) -> bool:
        """Hold a probe that has ended and is not open; return whether it is held."""
        return self._probes.hold(assembly, ended, self.placement.program(assembly))

    def let_all_go(self) -> None:
        """Hold nothing any longer."""
        self._probes.let_all_go()

    def _waits(self, assembly: Assembly, named: str | None) -> bool:
        """Return whether an exchange waits for the calling program, and limit the wait."""
        if self._later is None or not self.placement.should_wait(assembly, named):
            return False
        if not assembly.waits:
            assembly.waits = True
            self._later(WAIT_S, lambda: self._open_late(assembly))
        return True

    def _open_late(self, assembly: Assembly) -> None:
        if assembly.waits and not assembly.seq and not assembly.released:
            try:
                self.open(assembly, assembly.client.session, assembly.request.peek(), wait=False)
            except Exception:
                assembly.note("opened_late")
