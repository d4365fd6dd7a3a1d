"""The steps of a lane, each a model call with its retries, and the turns that they form."""

from collections.abc import Iterator, Sequence
from itertools import islice

import attr

from ccsproxy.insight.conversation.lanes import Lane, Lanes
from ccsproxy.insight.facts import Call, Part

#: How many parts at the end of a prompt may hold the results of the previous step: without a limit, a missing id
#: would be searched for in all of every prompt.
_NEWEST = 1000


@attr.define(eq=False)
class Step:
    """A call with the failed attempts that it repeats.

    :ivar call: the last attempt.
    :ivar retries: the attempts before it.
    :ivar opens: whether it carries a new message of the user.
    :ivar following: the next call of its lane that continues it.
    """

    call: Call
    retries: list[Call] = attr.field(factory=list)
    opens: bool = False
    following: Call | None = None

    @property
    def attempts(self) -> list[Call]:
        """All calls of the step, retries included."""
        return [*self.retries, self.call]

    @property
    def tool_calls(self) -> list[Part]:
        """The tools that the model called."""
        return [part for part in self.call.answer if part.kind == "tool_call"]


@attr.define(eq=False)
class Turn:
    """A message of the user and everything that follows until the next one.

    :ivar number: as the user counts, from 1; 0 for calls before the first message.
    """

    number: int
    prompt: str | None
    steps: list[Step] = attr.field(factory=list)

    @property
    def calls(self) -> list[Call]:
        """All its calls, retries included."""
        return [call for step in self.steps for call in step.attempts]


def steps_of(lane: Lane, lanes: Lanes) -> list[Step]:
    """Join the calls of a lane to steps."""
    found: list[Step] = []
    spoken: set[int] = set()
    for call in lane.calls:
        link = lanes.links[call.seq]
        if link.repeats is not None and found and found[-1].call is link.repeats:
            found[-1].retries.append(found[-1].call)
            found[-1].call = call
            continue
        if found:
            found[-1].following = call
        found.append(Step(call, opens=_opens(call, lanes, spoken)))
        if call.prompt_id:
            spoken.add(hash(call.prompt_id))
    return found


def _opens(call: Call, lanes: Lanes, spoken: set[int]) -> bool:
    """Whether a call carries a message of the user that no earlier call of its lane did."""
    if call.prompt is None or call.role == "compaction":
        return False
    if call.prompt_id and hash(call.prompt_id) in spoken:
        return False
    link = lanes.links[call.seq]
    if link.before is None:
        return True
    if call.prompt_at < link.shared:
        return False
    # After a compaction the last message is repeated after the summary.
    return not (call.compacted and call.prompt_digest == link.before.prompt_digest) and not _is_repeated(
        call, link.before
    )


def _is_repeated(call: Call, before: Call) -> bool:
    """Return whether the message was already in the previous prompt, whose beginning was rewritten."""
    if call.prompt_digest == 0 or not call.compacted:
        return False
    return any(part.digest == call.prompt_digest for item in before.items for part in item.parts)


def turns_of(steps: Sequence[Step], first: int = 1) -> list[Turn]:
    """Gather steps to turns."""
    found: list[Turn] = []
    for step in steps:
        if step.opens or not found:
            number = first + sum(turn.number > 0 for turn in found) if step.opens else 0
            found.append(Turn(number, step.call.prompt if step.opens else None))
        found[-1].steps.append(step)
    return found


def results_of(step: Step) -> dict[str, Part]:
    """Return the results of a step's tool calls, by the id that joins them, out of the call that follows."""
    following = step.following
    if following is None:
        return {}
    wanted = {part.id for part in step.tool_calls if part.id}
    found: dict[str, Part] = {}
    for part in islice(_parts(following, step.call), _NEWEST) if wanted else ():
        if part.kind == "tool_result" and part.id in wanted:
            found.setdefault(part.id, part)
            if len(found) == len(wanted):
                break
    return found


def _parts(call: Call, before: Call) -> Iterator[Part]:
    """Iterate over the parts of a prompt's messages, newest first; only new ones if it continues another prompt."""
    first = len(before.items)
    continued = 0 < first <= len(call.items) and call.items[first - 1] is before.items[-1]
    for item in reversed(call.items[first:] if continued else call.items):
        if item.level == "messages":
            yield from item.parts
