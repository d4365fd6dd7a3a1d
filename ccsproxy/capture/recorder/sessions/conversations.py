"""Conversations of clients that name no session: a call belongs to the conversation whose messages it continues.

Two programs never share a conversation while both run. A program is a process if the system can identify it,
otherwise a connection. Calls without messages belong to the session of their program that is nearest in time.

All memory is bounded: the least recently used entry is forgotten first, and that conversation then starts anew.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import attr

from ccsproxy.clients.turns import Turns
from ccsproxy.exchange.ids import run_session_id
from ccsproxy.exchange.record import Process

#: How many beginnings, programs and answers are remembered.
_BEGINNINGS, _PROGRAMS, _ANSWERS = 30_000, 1024, 4096
#: How many conversations of a program are searched for one that was compacted.
_RECENT = 16
#: A call without messages belongs to a session that was active no longer ago, in seconds.
_NEAR_S = 3600.0
#: How many characters of a summary are searched for in the following request.
_SUMMARY = 60


@attr.frozen
class Caller:
    """The sender of a call.

    :ivar process: the program at the other end; None if the system cannot identify it.
    :ivar connection: the connection's id, empty if unknown.
    :ivar program: a name for the program, empty if nothing is known of it.
    """

    process: Process | None = None
    connection: str = ""
    #: Computed once, because a dozen look-ups per call use it.
    program: str = attr.field(init=False, eq=False)

    @program.default
    def _named(self) -> str:
        if self.process is not None:
            return f"process {self.process.pid} {self.process.started_at}"
        return f"connection {self.connection}" if self.connection else ""


@attr.define(eq=False)
class Conversation:
    """A conversation that was recognised by its messages.

    :ivar session_id: its session.
    :ivar program: the program to which it belongs.
    :ivar process: its process; None if unknown.
    :ivar messages: the digests of the messages of its last request.
    :ivar whole: the text of the answer by the digest of the request; None while there is no answer.
    :ivar waiting: so far it has only side calls.
    :ivar summary: the beginning of the answer to a call for a summary; empty for none.
    """

    session_id: str
    program: str
    process: Process | None
    messages: frozenset[int] = frozenset()
    whole: OrderedDict[int, str | None] = attr.field(factory=OrderedDict)
    summary: str = ""
    waiting: bool = False


class Conversations:
    """Places calls into conversations."""

    def __init__(
        self,
        is_running: Callable[[Process], bool] = lambda process: True,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Create an empty memory.

        :param is_running: returns whether a process is still running; another process may continue the conversation
            of one that has ended.
        """
        self._is_running, self._random = is_running, random
        self._owners: OrderedDict[int, list[Conversation]] = OrderedDict()
        self._programs: OrderedDict[str, list[Conversation]] = OrderedDict()
        self._near: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._by_answer: OrderedDict[str, Conversation] = OrderedDict()

    def heard(self, caller: Caller, session_id: str, at: float) -> None:
        """Note that a program is active in a session, however that became known.

        :param at: seconds since the epoch.
        """
        if caller.program:
            _put(self._near, caller.program, (session_id, at), _PROGRAMS)

    def nearest(self, caller: Caller, at: float) -> str | None:
        """Return the session in which a program was last active; None if there is no recent one."""
        session_id, last = self._near.get(caller.program, ("", 0.0))
        return session_id if session_id and abs(at - last) <= _NEAR_S else None

    def place(
        self, caller: Caller, turns: Turns, at: float, again: bool = False, beside: bool = False
    ) -> Conversation:
        """Return the conversation that a call's messages continue, or a new one.

        :param at: when the call began, seconds since the epoch.
        :param again: the client marks the call as a retry.
        :param beside: it is a side call, whose conversation the program's next call joins.
        """
        found = (
            self._by_answer.get(turns.continues)
            or self._continued(caller, turns, again)
            or self._summed_up(caller, turns)
            or self._waiting(caller)
            or self._new(caller, at)
        )
        found.waiting = beside and not found.whole
        self._remember(found, caller, turns)
        return found

    def answered(self, conversation: Conversation, turns: Turns, words: str, answer_id: str, summary: bool) -> None:
        """Store the answer to a call.

        :param words: see `ccsproxy.clients.turns.words_of_answer`.
        :param answer_id: the answer's own id, empty for none.
        :param summary: the call asked for a summary of the conversation.
        """
        conversation.whole[turns.whole] = words
        if summary and words:
            conversation.summary = words[:_SUMMARY]
        if answer_id:
            _put(self._by_answer, answer_id, conversation, _ANSWERS)

    def _continued(self, caller: Caller, turns: Turns, again: bool) -> Conversation | None:
        """Return the conversation with the longest beginning in common."""
        for choose in (self._own, self._left_or_proven):
            for length in range(len(turns.beginnings), turns.own - 1, -1):
                owners = choose(caller, turns, self._owners.get(turns.beginnings[length - 1], []))
                if owners and length == len(turns.beginnings):
                    return self._repeated(owners, turns, again)
                if owners:
                    return self._best(owners, turns, length)
        return None

    def _own(self, caller: Caller, turns: Turns, owners: list[Conversation]) -> list[Conversation]:
        """Return a program's own conversations."""
        return [each for each in owners if each.program == caller.program]

    def _left_or_proven(self, caller: Caller, turns: Turns, owners: list[Conversation]) -> list[Conversation]:
        """Return conversations of other programs that a program may continue.

        A known program may continue the conversation of one that has exited. If either is unknown, the model's own
        text proves which conversation it is, unless two conversations contain it.
        """
        if not turns.answered:
            return []
        if caller.process is not None:
            left = [each for each in owners if each.process is not None and not self._is_running(each.process)]
            if left:
                return left
        proven = [
            each for each in owners if (caller.process is None or each.process is None) and _has_heard(each, turns)
        ]
        return proven if len(proven) == 1 else []

    def _repeated(self, owners: list[Conversation], turns: Turns, again: bool) -> Conversation | None:
        """Return the conversation whose last request is repeated; equal prompts start separate conversations."""
        if turns.answered:
            return owners[-1]
        return next(
            (each for each in reversed(owners) if again or each.whole.get(turns.whole, "") in (None, "")), None
        )

    def _best(self, owners: list[Conversation], turns: Turns, length: int) -> Conversation:
        """Of several conversations with the same beginning, return the one whose answer the client repeats."""
        said = turns.answers.get(length)
        digest = turns.beginnings[length - 1]
        return next((each for each in reversed(owners) if said and each.whole.get(digest) == said), owners[-1])

    def _summed_up(self, caller: Caller, turns: Turns) -> Conversation | None:
        """Return the conversation that was compacted: some of its messages remain, or its summary is included."""
        here = frozenset(turns.messages)
        for each in reversed(self._programs.get(caller.program, [])):
            if (each.summary and each.summary in turns.opening) or len(here & each.messages) >= 2:
                return each
        return None

    def _waiting(self, caller: Caller) -> Conversation | None:
        """Return the program's conversation that has only side calls so far."""
        return next((each for each in self._programs.get(caller.program, []) if each.waiting), None)

    def _new(self, caller: Caller, at: float) -> Conversation:
        made = Conversation(run_session_id(at, self._random), caller.program, caller.process)
        if caller.program:
            recent = self._programs.get(caller.program, [])
            _put(self._programs, caller.program, [*recent[1 - _RECENT :], made], _PROGRAMS)
        return made

    def _remember(self, conversation: Conversation, caller: Caller, turns: Turns) -> None:
        """Index a conversation by its current messages."""
        if caller.process is not None:
            conversation.program, conversation.process = caller.program, caller.process
        conversation.messages = frozenset(turns.messages)
        conversation.whole.setdefault(turns.whole, None)
        while len(conversation.whole) > 64:
            conversation.whole.popitem(last=False)
        for digest in turns.beginnings:
            owners = self._owners.get(digest, [])
            if conversation not in owners:
                _put(self._owners, digest, [*owners[-7:], conversation], _BEGINNINGS)


def _has_heard(conversation: Conversation, turns: Turns) -> bool:
    """Return whether a request repeats answers of a conversation."""
    return not turns.heard.isdisjoint(words for words in conversation.whole.values() if words)


def _put(memory: OrderedDict[Any, Any], name: Any, value: Any, most: int) -> None:
    """Add an entry to a bounded memory, and remove the least recently added ones."""
    memory[name] = value
    memory.move_to_end(name)
    if len(memory) > most:
        memory.popitem(last=False)
