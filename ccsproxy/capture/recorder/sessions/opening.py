"""The opening of each exchange: its session and number are determined, and it is announced.

An exchange is opened as soon as its session is known: by its head, by its body, by the program that calls. What is
not known at once is waited for a moment: a probe for the first call of its agent, a call for the program behind it.
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

#: The fault of an exchange that was begun without its being said.
UNANNOUNCED = "capture_error"
#: Calls a callable after some seconds.
Later = Callable[[float, Callable[[], None]], Any]


class Opening:
    """Opens exchanges. States of one: not open (``seq`` is 0), waiting (``waits``, still 0), open; never back.

    What opens in a turn is announced at the turn's end: of a call that has ended by then, as most small ones have,
    the record says all that the announcement would, and comes with the same turn. Until that is acknowledged the
    relay's log holds whatever a crash would need the announcement for. Likewise a head whose body may follow in the
    turn is asked who calls with that body, once in place of twice. Numbers of a session stay in the order of heads.

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
        """Make one.

        :param under_way: by id, what an earlier recorder has announced; it keeps its session and number.
        :param later: None where nothing may be waited for.
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
        """Take an exchange's head, and open it if that says enough; at the turn's end if its body does not come."""
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
        """Open an exchange whose body is there."""
        self._meet_those_before(assembly)
        body = assembly.request.json
        self.open(assembly, assembly.identify(body), body, wait)

    def open(self, assembly: Assembly, named: str | None, body: Any, wait: bool = True) -> None:
        """Give an exchange its session and number, and announce it.

        :param named: the session that the client names, None when it names none.
        :param wait: for a moment, where its end may tell the program that calls.
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
        """Announce what has opened in the turn and not ended."""
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
        """Open, as far as their heads say enough, the exchanges whose heads came earlier; None for all."""
        while self._unmet:
            each = next(iter(self._unmet))
            del self._unmet[each]
            if each is assembly:
                return
            try:
                self._meet(each)
            except Exception:
                self._log.failure("who calls could not be asked")
                each.note(UNANNOUNCED)

    def _announce(self, assembly: Assembly) -> None:
        started = assembly.gate.started(assembly.started(), assembly.request.lines)
        self._store.started(started)
        self._report.event(events.request_started(started))
        assembly.announced = True

    def open_somehow(self, assembly: Assembly) -> None:
        """Number an exchange that could not be opened, in the session of whoever belongs to none."""
        assembly.session_id = self._sessions.choose(None)
        assembly.seq = self._sessions.next_seq(assembly.session_id)

    def told(self, assembly: Assembly, ended: EndFrame) -> None:
        """Take what an exchange's end tells of the program that made it."""
        if self.placement.told(assembly, ended.ending):
            self._probes.followed(self.placement.program(assembly))

    def hold(self, assembly: Assembly, ended: EndFrame) -> bool:
        """Hold a probe that has ended and is not open; tell whether it is held."""
        return self._probes.hold(assembly, ended, self.placement.program(assembly))

    def let_all_go(self) -> None:
        """Hold nothing any longer."""
        self._probes.let_all_go()

    def _waits(self, assembly: Assembly, named: str | None) -> bool:
        """Tell whether an exchange waits for the program that calls, and see that it does not wait for long."""
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
