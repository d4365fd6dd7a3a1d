"""The lanes of a session: which call continues which, one lane per conversation.

The names that clients give their agents and threads are used as they are. Calls without such names continue the lane
whose newest call shares their opening message and beginning; else, after a summary, the lane that ended; else they
open a lane of their own. Retries belong to the call that they repeat.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import attr

from ccsproxy.insight.facts import Call, Item

#: Calls of a lane that a call may go on from, counted back from the newest.
_LOOKED_BACK = 8
#: Messages at the end that must be equal if the beginning of a conversation was rewritten.
_TAIL = 2


@attr.define(eq=False)
class Lane:
    """Calls that continue one another.

    :ivar calls: in the order of their start, failed attempts included.
    :ivar aside: why its calls are not part of the conversation; empty if they are.
    :ivar cleared: whether it replaced an earlier lane of the same thread, as ``/clear`` does.
    """

    number: int
    agent: str = ""
    thread: str = ""
    calls: list[Call] = attr.field(factory=list)
    aside: str = ""
    cleared: bool = False

    @property
    def tip(self) -> Call:
        """The newest call of the lane."""
        return self.calls[-1]

    @property
    def parent_agent(self) -> str:
        """The agent that started it, according to its calls."""
        return next((call.parent_agent for call in self.calls if call.parent_agent != self.agent), "")


@attr.frozen
class CallLink:
    """The relation of a call to the previous ones of its lane.

    :ivar before: the call whose prompt this one continues; None for the first.
    :ivar cached: the call whose prompt this one could read from the cache; None if none was answered.
    :ivar shared: how many leading items both prompts have in common.
    :ivar repeats: the attempt that this one repeats.
    """

    lane: Lane
    before: Call | None = None
    cached: Call | None = None
    shared: int = 0
    repeats: Call | None = None


@attr.frozen
class Lanes:
    """The lanes of a session, and each call's place by its number."""

    lanes: Sequence[Lane]
    links: dict[int, CallLink]


def find_lanes(calls: Iterable[Call]) -> Lanes:
    """Sort the calls of a session into lanes.

    :param calls: of one session, in any order.
    """
    lanes: list[Lane] = []
    links: dict[int, CallLink] = {}
    by_key: dict[tuple[str, str], list[Lane]] = {}
    # By their start: sub-agents work side by side, and the numbers are given as requests arrive.
    for call in sorted(calls, key=lambda each: (each.started_ms, each.seq)):
        key = call.agent, call.thread
        known = by_key.setdefault(key, [])
        shared = SharedBeginnings(call)
        lane = None if call.category != "model" else _lane_for(shared, known)
        before = _base(shared, lane) if lane else None
        # A request for a title or a summary contains the conversation, and would look like its newest turn.
        if lane is None or (call.role != "main" and not lane.aside):
            following = lane
            lane = _new_lane(call, len(lanes), known)
            lanes.append(lane)
            before = following.tip if following and call.role == "compaction" else None
        links[call.seq] = _link(lane, shared, before)
        lane.calls.append(call)
        if lane not in known and call.category == "model":
            known.append(lane)
    _set_aside(lanes)
    return Lanes(lanes, links)


class SharedBeginnings:
    """What the prompt of a call shares with those of others; each is compared only once.

    :ivar call: the later call.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self._found: dict[int, int] = {}

    def with_(self, before: Call) -> int:
        """Return how many items at the beginning are the same in the prompt of an earlier call."""
        found = self._found.get(before.seq)
        if found is None:
            found = self._found[before.seq] = common_prefix(before.items, self.call.items)
        return found


def _lane_for(shared: SharedBeginnings, known: Sequence[Lane]) -> Lane | None:
    """Choose the lane that a call continues."""
    call = shared.call
    own = [lane for lane in known if bool(lane.aside) == (call.role not in ("main", "compaction"))]
    if not own:
        return None
    # With a thread of the provider's the prompt is not sent again, so that there is nothing to compare.
    if call.continues or not call.items:
        return own[-1]
    best = max(own, key=lambda lane: (_kinship(shared, lane.tip), lane.tip.started_ms))
    if _kinship(shared, best.tip):
        return best
    if call.agent and not best.aside:
        return best
    if call.compacted or call.role == "compaction":
        return max(own, key=lambda lane: lane.tip.started_ms)
    return None


def _kinship(shared: SharedBeginnings, tip: Call) -> int:
    """Return how much two prompts have in common as conversations; 0 if they are unrelated."""
    call = shared.call
    messages = max(shared.with_(tip) - call.head, 0)
    if call.opening_digest and call.opening_digest == tip.opening_digest:
        return messages + 1
    if messages > 1 and call.opening_digest and not tip.opening_digest:
        return messages
    # A client that truncates old messages keeps the newest, so the end may match although the beginning does not.
    return 1 if _same_tail(tip.items, call.items) else 0


def _same_tail(before: Sequence[Item], after: Sequence[Item]) -> bool:
    """Return whether the last messages of one prompt occur in another with a different beginning."""
    last = [item.digest for item in before if item.level == "messages"][-_TAIL:]
    if len(last) < _TAIL:
        return False
    digests = [item.digest for item in after if item.level == "messages"]
    return any(digests[at : at + _TAIL] == last for at in range(len(digests) - _TAIL + 1))


def common_prefix(before: Sequence[Item], after: Sequence[Item]) -> int:
    """Return how many items at the beginning are the same."""
    most = min(len(before), len(after))
    # Mostly one continues the other, and then one of them need not be copied.
    if (before if len(before) == most else before[:most]) == (after if len(after) == most else after[:most]):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if before[low:middle] == after[low:middle] else (low, middle)
    return low if before[low] != after[low] else low + 1


def _base(shared: SharedBeginnings, lane: Lane) -> Call:
    """Return the call of a lane that a prompt continues: the newest, unless an earlier one has more in common."""
    newest = lane.tip
    if len(lane.calls) < 2 or shared.with_(newest) == len(newest.items):
        return newest
    return max(reversed(lane.calls[-_LOOKED_BACK:]), key=shared.with_)


def _new_lane(call: Call, number: int, known: Sequence[Lane]) -> Lane:
    aside = "" if call.role == "main" and call.category == "model" else call.role
    cleared = not aside and any(not lane.aside for lane in known) and not call.agent
    return Lane(number, call.agent, call.thread, aside=aside, cleared=cleared)


def _link(lane: Lane, shared: SharedBeginnings, before: Call | None) -> CallLink:
    call = shared.call
    answered = list(islice((each for each in reversed(lane.calls) if each.tokens.prompt is not None), _LOOKED_BACK))
    cached = _best_cached(shared, answered) if answered else None
    if cached is None and before is not None and before.tokens.prompt is not None:
        cached = before
    last = lane.calls[-1] if lane.calls else None
    both = shared.with_(before) if before else 0
    return CallLink(lane, before, cached, both, last if last is not None and _repeats(call, last) else None)


def _best_cached(shared: SharedBeginnings, answered: Sequence[Call]) -> Call:
    """Return the call whose prompt could be read furthest from the cache; of several the newest."""
    newest = answered[0]
    if shared.with_(newest) == len(newest.items):
        return newest
    return max(answered, key=shared.with_)


def _repeats(call: Call, last: Call) -> bool:
    """Whether a call is another attempt at the last, which did not end well; the model or the limits may differ."""
    if last.outcome == "complete":
        return False
    if call.body_sha256 and call.body_sha256 == last.body_sha256:
        return True
    return bool(call.items) and call.items == last.items and not call.continues


def _set_aside(lanes: Sequence[Lane]) -> None:
    """Set aside lanes of a single call without tools if the rest of their session uses tools."""
    tooled = any(item.level == "tools" for lane in lanes for item in lane.tip.items[:1])
    for lane in lanes:
        single = len(lane.calls) == 1 and not lane.agent and not lane.aside and lane.number > 0
        if single and tooled and not any(item.level == "tools" for item in lane.tip.items[:1]):
            lane.aside, lane.cleared = "other", False
