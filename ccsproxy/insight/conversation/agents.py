"""Matches sub-agents with the tool calls that started them.

By the agent's id if the result of the call contains it; else by the text of its task, which is the opening message;
else by time: the newest call of the parent that can have started it.
"""

from collections.abc import Mapping, Sequence

import attr

from ccsproxy.insight.conversation.lanes import Lane
from ccsproxy.insight.conversation.steps import Step, results_of
from ccsproxy.insight.facts import Part
from ccsproxy.insight.prompt.parts import SPAWNING


@attr.frozen
class Spawn:
    """A tool call that starts a sub-agent.

    :ivar lane: the lane in which it was made.
    :ivar at_ms: when its answer ended.
    :ivar agent: the id in its result.
    """

    lane: Lane
    step: Step
    part: Part
    at_ms: float
    agent: str


def spawns(lanes: Sequence[Lane], steps: Mapping[int, Sequence[Step]]) -> list[Spawn]:
    """Return every tool call that starts a sub-agent.

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
    """Return what started each lane, by the lane's number; other lanes are left out."""
    found: dict[int, Spawn] = {}
    taken: set[int] = set()
    candidates = [lane for lane in lanes if not lane.aside]
    # Each rule runs over all lanes before the next one, so that certain matches take precedence over likely ones.
    for rule in (_by_id, _by_task, _by_time):
        for lane in candidates:
            if lane.number in found or not (lane.agent or lane.thread or rule is _by_task):
                continue
            free = [each for each in made if id(each.part) not in taken and each.lane is not lane]
            spawn = rule(lane, free)
            if spawn is not None and not _circular(lane, spawn, found):
                found[lane.number] = spawn
                # One call starts one agent: two equal tasks are two agents, not the same one twice.
                taken.add(id(spawn.part))
    return found


def _by_id(lane: Lane, made: Sequence[Spawn]) -> Spawn | None:
    return next((each for each in made if lane.agent and each.agent == lane.agent), None)


def _by_task(lane: Lane, made: Sequence[Spawn]) -> Spawn | None:
    """Find the call whose task is the opening message; of equal tasks the newest one before it."""
    opening = lane.calls[0].opening_digest
    begun = lane.calls[0].started_ms
    # With two seconds of tolerance: a sub-agent may start before the answer that requests it has ended.
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
    """Return whether a lane would become its own ancestor; what agents report about one another may be circular."""
    at: Lane | None = spawn.lane
    while at is not None:
        if at is lane:
            return True
        above = found.get(at.number)
        at = above.lane if above else None
    return False
