"""The session of each exchange: the client's own, else a recognised conversation, else that of its program."""

from typing import Any

from ccsproxy.capture.recorder.assembly import Assembly
from ccsproxy.capture.recorder.sessions.callers import Callers, is_running
from ccsproxy.capture.recorder.sessions.conversations import Caller, Conversations
from ccsproxy.capture.recorder.sessions.labels import REPLAY_OF
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.clients.purpose import Purpose, purpose_of
from ccsproxy.clients.turns import Turns, turns_of, words_of_answer
from ccsproxy.exchange.ids import run_session_id
from ccsproxy.exchange.outcome import Category, Outcome
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.relayed import Ending
from ccsproxy.runtime.sockets.callers import is_local

#: Calls that agents make beside a conversation; they belong to the nearest one.
_BESIDE = frozenset({Purpose.TITLE, Purpose.QUOTA, Purpose.SIDE})


class Placement:
    """Assigns exchanges to sessions, and learns their answers."""

    def __init__(self, sessions: Sessions, callers: Callers | None = None) -> None:
        """Make one.

        :param sessions: chooses among named sessions, and numbers.
        :param callers: names the programs that call.
        """
        self._sessions = sessions
        self._callers = callers or Callers()
        self._conversations = Conversations(is_running, sessions.random)

    def meet(self, assembly: Assembly) -> None:
        """Find out which program makes a call, before anything else of it is known."""
        try:
            process = self._callers.process(assembly.head)
            if process is not None:
                assembly.called_by(process, self._callers.labels_of(process))
        except Exception:
            assembly.note("process_unknown")

    def told(self, assembly: Assembly, ending: Ending) -> bool:
        """Store the program that the relay has found, if it had exited when it was looked up here.

        :return: whether the program is now known to have a session.
        """
        if assembly.process is not None or ending.caller is None:
            return False
        process = self._callers.told(assembly.head, ending.caller)
        assembly.called_by(process, self._callers.labels_of(process))
        if not assembly.seq:
            return False
        self._conversations.heard(_caller(assembly), assembly.session_id, assembly.head.started_at)
        return True

    def should_wait(self, assembly: Assembly, named: str | None) -> bool:
        """Return whether the session of an exchange depends on a program that only its end may identify."""
        if assembly.process is not None or self._sessions.named(named) is not None:
            return False
        return assembly.head.ends is not None and is_local(assembly.head.ends)

    def knows(self, assembly: Assembly) -> bool:
        """Return whether the program of a call already has a session."""
        return self._conversations.nearest(_caller(assembly), assembly.head.started_at) is not None

    def program(self, assembly: Assembly) -> str:
        """Return a name of the program that makes a call, empty when nothing is known of it."""
        return _caller(assembly).program

    def place(self, assembly: Assembly, named: str | None, body: Any) -> str:
        """Return the session of an exchange.

        :param named: the session that the client names; None if it names none.
        :param body: the request's JSON; None if there is none or it is unknown.
        """
        caller, at = _caller(assembly), assembly.head.started_at
        if REPLAY_OF in assembly.labels:
            # Its header fields name the session of the call that it repeats, to whose conversation and sums it does
            # not belong.
            session_id = self._conversations.nearest(caller, at) or run_session_id(at, self._sessions.random)
        else:
            session_id = self._sessions.named(named) or self._ours(assembly, caller, body, at)
        self._conversations.heard(caller, session_id, at)
        return session_id

    def answered(self, assembly: Assembly, record: Record) -> None:
        """Learn the answer of an exchange; one that failed may be retried in its conversation."""
        if assembly.place is None or record.outcome != Outcome.COMPLETE or record.response is None:
            return
        conversation, turns, purpose = assembly.place
        answer = record.response.body_reassembled
        answer_id = answer.get("id") if isinstance(answer, dict) else None
        self._conversations.answered(
            conversation,
            turns,
            words_of_answer(answer),
            answer_id if isinstance(answer_id, str) else "",
            purpose == Purpose.COMPACTION,
        )

    def _ours(self, assembly: Assembly, caller: Caller, body: Any, at: float) -> str:
        """Return the conversation of a call without a session, or the session of its program, or the run's."""
        turns = self._turns(assembly, body)
        nearest = self._conversations.nearest(caller, at)
        purpose = purpose_of(body, assembly.request.lines.field("x-claude-code-request-class")) if turns else None
        # A title call has messages of its own that continue nothing, and would become a conversation of one call.
        if turns is None or (nearest is not None and purpose in _BESIDE):
            return nearest or self._sessions.run
        conversation = self._conversations.place(
            caller, turns, at, again=bool(assembly.client.retry), beside=purpose in _BESIDE
        )
        assembly.place = conversation, turns, purpose
        return conversation.session_id

    def _turns(self, assembly: Assembly, body: Any) -> Turns | None:
        """Return the conversation in a model call; None if there is none."""
        category = assembly.category
        return turns_of(body) if body is not None and category in (Category.MODEL, Category.COUNT_TOKENS) else None


def _caller(assembly: Assembly) -> Caller:
    return Caller(assembly.process, assembly.head.connection)
