"""A session as one object: its lanes, verdicts, sizes and conversation, each computed once, on demand."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from ccsproxy.insight.cache.verdict import Verdict, verdict
from ccsproxy.insight.conversation.agents import Spawn, parents, spawns
from ccsproxy.insight.conversation.lanes import Lane, Lanes, find_lanes
from ccsproxy.insight.conversation.steps import Step, Turn, steps_of, turns_of
from ccsproxy.insight.cost.attribution import Sized, size_lane
from ccsproxy.insight.cost.carry import Carried, carried
from ccsproxy.insight.facts import Call


class Session:
    """Everything that is derived from the calls of one session.

    It never changes; a session with new calls is a new object.

    :ivar calls: in the order of their start.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        # By start and not by number: numbers are given when a record is written, at the end of a call.
        self.calls: Sequence[Call] = sorted(calls, key=lambda call: (call.started_ms, call.seq))
        self.by_seq = {call.seq: call for call in self.calls}

    @cached_property
    def lanes(self) -> Lanes:
        """The conversations of the session: which call continues which."""
        return find_lanes(self.calls)

    @cached_property
    def verdicts(self) -> dict[int, Verdict]:
        """The cache verdict of each model call, by its number."""
        links = self.lanes.links
        return {call.seq: verdict(call, links[call.seq]) for call in self.calls if call.category == "model"}

    @cached_property
    def sizes(self) -> dict[int, Sized]:
        """The sized prompt of each model call, by its number."""
        found: dict[int, Sized] = {}
        for lane in self.lanes.lanes:
            found.update(size_lane(lane))
        return found

    @cached_property
    def carried(self) -> list[Carried]:
        """The parts that were sent repeatedly, in all lanes."""
        return [each for lane in self.lanes.lanes for each in carried(lane, self.sizes)]

    @cached_property
    def sent(self) -> dict[int, int]:
        """How often each item was sent, by its digest."""
        found: dict[int, int] = {}
        for each in self.carried:
            found[each.item.digest] = found.get(each.item.digest, 0) + each.sent
        return found

    @cached_property
    def thoughts(self) -> dict[int, int]:
        """Tokens of the thoughts in answers, by the digest of the item as which they are sent again."""
        found: dict[int, int] = {}
        for call in self.calls:
            link = self.lanes.links[call.seq]
            before = link.before
            if before is not None and before.tokens.reasoning and link.shared == len(before.items) < len(call.items):
                found[call.items[link.shared].digest] = before.tokens.reasoning
        return found

    @cached_property
    def steps(self) -> dict[int, list[Step]]:
        """The steps of each lane, by its number."""
        return {lane.number: steps_of(lane, self.lanes) for lane in self.lanes.lanes}

    @cached_property
    def begun_by(self) -> dict[int, Spawn]:
        """The tool call that began each lane of a sub-agent, by the lane's number."""
        return parents(self.lanes.lanes, spawns(self.lanes.lanes, self.steps))

    @cached_property
    def main_lanes(self) -> list[Lane]:
        """The lanes in which the user speaks, in their order."""
        shown = [lane for lane in self.lanes.lanes if not lane.aside and lane.number not in self.begun_by]
        unnamed = [lane for lane in shown if not lane.parent_agent and not _is_agent(lane, shown)]
        return unnamed or shown

    @cached_property
    def turns(self) -> list[Turn]:
        """The turns of the conversation, as the user counts them."""
        steps = [step for lane in self.main_lanes for step in self.steps[lane.number]]
        steps.sort(key=lambda step: (step.attempts[0].started_ms, step.attempts[0].seq))
        return turns_of(steps)

    @cached_property
    def turn_of(self) -> dict[int, tuple[int, int]]:
        """Turn and step of each call, by its number; calls of sub-agents have those of the step that started them."""
        found: dict[int, tuple[int, int]] = {}
        for turn in self.turns:
            for number, step in enumerate(turn.steps, 1):
                found.update({call.seq: (turn.number, number) for call in step.attempts})
        for lane in self.lanes.lanes:
            place = self._place(lane, found)
            if place is not None:
                found.update({call.seq: place for call in lane.calls if call.seq not in found})
        return found

    def _place(self, lane: Lane, found: dict[int, tuple[int, int]]) -> tuple[int, int] | None:
        spawn = self.begun_by.get(lane.number)
        # Up through agents that agents began; `parents` has seen to it that this comes to an end.
        while spawn is not None:
            if spawn.step.call.seq in found:
                return found[spawn.step.call.seq]
            spawn = self.begun_by.get(spawn.lane.number)
        return None

    def lane_of(self, seq: int) -> Lane:
        """Return the lane of a call."""
        return self.lanes.links[seq].lane


def _is_agent(lane: Lane, shown: Sequence[Lane]) -> bool:
    """Whether a lane belongs to a sub-agent whose start is not in the record: it is named and others are not."""
    return bool(lane.agent) and any(not each.agent for each in shown)
