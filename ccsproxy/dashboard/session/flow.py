"""The part of a session that is shown with its texts, limited to a number of steps and bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.insight.conversation.steps import Step
from ccsproxy.insight.session import Session

#: Steps on one page, and bytes of records that are read for it; one step is always shown.
STEPS, BYTES = 30, 24_000_000
#: Parts that a page links to on each side of its own, besides the first and the last.
AROUND = 5


@attr.frozen
class PlacedStep:
    """A step with its place.

    :ivar turn: its turn in the conversation.
    :ivar number: its number within the turn, from 1.
    :ivar description: the step in the conversation.
    :ivar step: the facts.
    """

    turn: Mapping[str, Any]
    number: int
    description: Mapping[str, Any]
    step: Step

    @property
    def seq(self) -> int:
        """The number of its last attempt."""
        return self.step.call.seq

    @property
    def numbers(self) -> set[int]:
        """The numbers of all its calls, including those of its sub-agents."""
        found = {call.seq for call in self.step.attempts}
        agents = list(self.description["agents"])
        while agents:
            for step in agents.pop()["steps"]:
                found |= {step["seq"], *step["retries"]}
                agents += step["agents"]
        return found

    @property
    def size(self) -> int:
        """Bytes of the record that is read to show it."""
        return self.step.call.request_bytes + self.step.call.response_bytes


@attr.frozen
class FlowPart:
    """A part of a session's steps.

    :ivar seq: the number of its first call.
    :ivar first: its first index among all steps, from 0.
    :ivar end: its end index.
    """

    seq: int
    first: int
    end: int


@attr.frozen
class Flow:
    """The steps of a session with the part that is shown."""

    steps: Sequence[PlacedStep]
    parts: Sequence[FlowPart]
    own: int

    @property
    def shown(self) -> Sequence[PlacedStep]:
        """The steps of the part."""
        if not self.parts:
            return ()
        part = self.parts[self.own]
        return self.steps[part.first : part.end]

    @property
    def last(self) -> bool:
        """Whether nothing follows this one."""
        return self.own + 1 >= len(self.parts)

    @property
    def near(self) -> list[FlowPart]:
        """The parts that a page leads to."""
        ends = (0, len(self.parts) - 1)
        return [each for at, each in enumerate(self.parts) if abs(at - self.own) <= AROUND or at in ends]

    def neighbour(self, by: int) -> int | None:
        """Return the number of the first call of the part before or after."""
        at = self.own + by
        return self.parts[at].seq if 0 <= at < len(self.parts) else None


def flow_of(session: Session, conversation: Mapping[str, Any], start: str) -> Flow:
    """Arrange the steps of a session.

    :param start: the number of a call that is to be in the part, ``end`` for the last part; the first part else.
    """
    steps = [
        PlacedStep(turn, number, description, step)
        for turn, own in zip(conversation["turns"], session.turns, strict=True)
        for number, (description, step) in enumerate(zip(turn["steps"], own.steps, strict=True), 1)
    ]
    parts = _parts(steps)
    if start == "end":
        return Flow(steps, parts, max(len(parts) - 1, 0))
    # isdigit alone takes superscripts and other scripts' digits for numbers, which int refuses.
    wanted = int(start) if start.isascii() and start.isdigit() and len(start) < 12 else None
    at = next((place for place, each in enumerate(steps) if wanted in each.numbers), 0)
    own = next((number for number, part in enumerate(parts) if part.first <= at < part.end), 0)
    return Flow(steps, parts, own)


def _parts(steps: Sequence[PlacedStep]) -> list[FlowPart]:
    """Cut a session into parts, the same for every page of it."""
    found: list[FlowPart] = []
    first, room = 0, BYTES
    for place, each in enumerate(steps):
        # Not before the first step of a part: a step larger than the room has a part of its own.
        if place > first and (each.size > room or place - first == STEPS):
            found.append(FlowPart(steps[first].seq, first, place))
            first, room = place, BYTES
        room -= each.size
    if steps:
        found.append(FlowPart(steps[first].seq, first, len(steps)))
    return found


def tail_of(flow: Flow, since: int) -> list[PlacedStep]:
    """Return the steps that a page which shows everything up to a call may lack or have in an older state.

    :param since: number of the first call of the last step that the page shows.
    """
    at = next((place for place, each in enumerate(flow.steps) if since in each.numbers), 0)
    return list(flow.steps[max(at, len(flow.steps) - STEPS) :])
