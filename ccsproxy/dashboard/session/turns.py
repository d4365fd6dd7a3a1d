"""The turns of a session in reading order; sub-agents are placed where they started."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.session.siblings import lane_of
from ccsproxy.exchange.outcome import Category

Lane = tuple[Any, Any]

#: Levels of nested branches that are shown as such; deeper ones are shown at the last level.
DEEPEST = 8


@attr.frozen
class Branch:
    """A sub-agent, or a separate thread.

    :ivar number: identifies it within the session.
    """

    number: int
    name: str
    requests: int


@attr.frozen
class RequestTurn:
    """One request of a session.

    :ivar previous: the number of the request that this one continues; None for the first of its thread.
    :ivar place: its number among the model's turns, from 1; 0 for other calls.
    :ivar path: the branches that contain it, the outermost first; empty for the main conversation.
    """

    summary: Mapping[str, Any]
    previous: int | None
    place: int
    path: tuple[Branch, ...] = ()

    @property
    def seq(self) -> int:
        """Its number in the session."""
        return int(self.summary["seq"])

    @property
    def aside(self) -> bool:
        """Whether it is not a model call, and so not a turn of the conversation."""
        return self.place == 0


def turns(requests: Sequence[Mapping[str, Any]]) -> list[RequestTurn]:
    """Put the requests of a session in the order of its conversation.

    :param requests: summaries.
    """
    ordered = sorted(requests, key=lambda each: each["seq"])
    lanes: dict[Lane, list[Mapping[str, Any]]] = {}
    for each in ordered:
        lanes.setdefault(lane_of(each), []).append(each)
    previous = _previous(ordered)
    return [
        RequestTurn(summary, previous[summary["seq"]], place, path)
        for place, (summary, path) in _numbered(_walk(lanes, _children(lanes)))
    ]


def agents(given: Sequence[RequestTurn]) -> int:
    """Return how many branches a session has."""
    return len({branch.number for turn in given for branch in turn.path})


def _numbered(walked: Iterator[tuple[Mapping[str, Any], tuple[Branch, ...]]]) -> Iterator[tuple[int, Any]]:
    place = 0
    for summary, path in walked:
        of_model = summary.get("category") == Category.MODEL
        place += of_model
        yield place if of_model else 0, (summary, path)


def _previous(ordered: Sequence[Mapping[str, Any]]) -> dict[int, int | None]:
    """Find what each request continues: the last of its thread and model, or else the last of its thread."""
    found: dict[int, int | None] = {}
    last: dict[Any, int] = {}
    for each in ordered:
        thread = (lane_of(each), each.get("category"))
        alike = (*thread, each.get("model"))
        found[each["seq"]] = last.get(alike, last.get(thread))
        last[thread] = last[alike] = each["seq"]
    return found


def _children(lanes: Mapping[Lane, Sequence[Mapping[str, Any]]]) -> dict[Lane | None, list[Lane]]:
    """Find which thread started which; the others are roots."""
    # The first thread that names neither itself nor its parent: agents label their sub-agents, not themselves.
    main = next((lane for lane, given in lanes.items() if lane[0] is None and not _parent(given)), None)
    found: dict[Lane | None, list[Lane]] = {}
    above: dict[Lane, Lane] = {}
    for lane, given in lanes.items():
        named = _parent(given)
        parent = next((each for each in lanes if named and each != lane and named in each), None)
        if parent is None and (lane[0] is not None or named) and lane != main:
            parent = main
        if parent is not None and _leads_to(parent, lane, above):
            parent = None
        if parent is not None:
            above[lane] = parent
        found.setdefault(parent, []).append(lane)
    return found


def _parent(given: Sequence[Mapping[str, Any]]) -> Any:
    return next((each["parent_agent"] for each in given if each.get("parent_agent")), None)


def _leads_to(lane: Lane, wanted: Lane, above: Mapping[Lane, Lane]) -> bool:
    """Return whether a thread is below another; what agents report about one another may be circular."""
    at: Lane | None = lane
    while at is not None:
        if at == wanted:
            return True
        at = above.get(at)
    return False


def _walk(
    lanes: Mapping[Lane, Sequence[Mapping[str, Any]]], children: Mapping[Lane | None, Sequence[Lane]]
) -> Iterator[tuple[Mapping[str, Any], tuple[Branch, ...]]]:
    """Go through all threads without recursion: a branch follows the request after which it began."""
    numbers = {lane: number for number, lane in enumerate(lanes, 1)}
    roots = children.get(None, ())
    for root in roots:
        path: tuple[Branch, ...] = () if root == roots[0] else (_branch(root, lanes[root], numbers[root]),)
        stack = [(path, iter(_merged(root, lanes, children)))]
        while stack:
            path, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                stack.pop()
            elif isinstance(step, tuple):
                # Cut in the middle: the outermost branches show the place, and the last one identifies it.
                below = (*path[: DEEPEST - 1], _branch(step, lanes[step], numbers[step]))
                stack.append((below, iter(_merged(step, lanes, children))))
            else:
                yield step, path


def _merged(
    lane: Lane,
    lanes: Mapping[Lane, Sequence[Mapping[str, Any]]],
    children: Mapping[Lane | None, Sequence[Lane]],
) -> list[Any]:
    """Return the requests of a thread with the threads that it began between them."""
    steps: list[tuple[int, Any]] = [(each["seq"], each) for each in lanes[lane]]
    steps += [(lanes[child][0]["seq"], child) for child in children.get(lane, ())]
    return [step for _, step in sorted(steps, key=lambda step: step[0])]


def _branch(lane: Lane, given: Sequence[Mapping[str, Any]], number: int) -> Branch:
    name = str(lane[0] or lane[1] or "another thread")
    return Branch(number, name, len(given))
