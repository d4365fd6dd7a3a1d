"""Matches sub-agents with the tool calls that started them.

By the agent's id where the result of the call names it; else by the text of its task, which is its opening message;
else by time: the newest call of its parent that may have begun it.
"""

from collections.abc import Mapping, Sequence

import attr

from ccsproxy.insight.conversation.lanes import Lane
from ccsproxy.insight.conversation.steps import Step, results_of
from ccsproxy.insight.facts import Part
from ccsproxy.insight.prompt.parts import SPAWNING


@attr.frozen
class Spawn:
    """A tool call that begins a sub-agent.

    :ivar lane: in which it was made.
    :ivar at_ms: when its answer had ended.
    :ivar agent: the id that its result names.
    """

    lane: Lane
    step: Step
    part: Part
    at_ms: float
    agent: str


def spawns(lanes: Sequence[Lane], steps: Mapping[int, Sequence[Step]]) -> list[Spawn]:
    """Return every tool call that begins a sub-agent.

    :param steps: of each lane, by its number.
    """
    found = []
    for lane in lanes:
        for step in steps[lane.number]:
            calls = [part for part in step.tool_calls if part.name in SPAWNING]
            results = results_of(step) if calls else {}
            for part in calls:
                named = results[part.id].agent if part.id in results else ""
                found.append(Spawn(lane, step, part, step.call.ended_ms, named))
    return found


def parents(lanes: Sequence[Lane], made: Sequence[Spawn]) -> dict[int, Spawn]:
    """Return what began each lane, by the lane's number; those that nothing here began are left out."""
    found: dict[int, Spawn] = {}
    taken: set[int] = set()
    candidates = [lane for lane in lanes if not lane.aside]
    # Each rule over all lanes before the next: what is certain takes its call away from what is only likely.
    for rule in (_by_id, _by_task, _by_time):
        for lane in candidates:
            if lane.number in found or not (lane.agent or lane.thread or rule is _by_task):
                continue
            free = [each for each in made if id(each.part) not in taken and each.lane is not lane]
            spawn = rule(lane, free)
            if spawn is not None and not _circular(lane, spawn, found):
                found[lane.number] = spawn
                # One call begins one agent, so that two equal tasks at a time are two agents and not one twice.
                taken.add(id(spawn.part))
    return found


def _by_id(lane: Lane, made: Sequence[Spawn]) -> Spawn | None:
    return next((each for each in made if lane.agent and each.agent == lane.agent), None)


def _by_task(lane: Lane, made: Sequence[Spawn]) -> Spawn | None:
    """Find the call whose task is the opening message; of equal tasks the newest one before it."""
    opening = lane.calls[0].opening_digest
    begun = lane.calls[0].started_ms
    # Two seconds later still: an agent may begin its sub-agent before the answer that asks for it has ended.
    fitting = [each for each in made if opening and each.part.digest == opening and each.at_ms <= begun + 2000]
    return max(fitting, key=lambda each: each.at_ms, default=None)


def _by_time(lane: Lane, made: Sequence[Spawn]) -> Spawn | None:
    if not lane.agent or lane.parent_agent == lane.agent:
        return None
    parent = lane.parent_agent
    begun = lane.calls[0].started_ms
    fitting = [
        each
        for each in made
        if each.at_ms <= begun + 2000 and not each.agent and parent in ("", each.lane.agent, each.lane.thread)
    ]
    return max(fitting, key=lambda each: each.at_ms, default=None)


def _circular(lane: Lane, spawn: Spawn, found: Mapping[int, Spawn]) -> bool:
    """Whether a lane would be its own ancestor, as what agents say of one another may go round in a circle."""
    at: Lane | None = spawn.lane
    while at is not None:
        if at is lane:
            return True
        above = found.get(at.number)
        at = above.lane if above else None
    return False
