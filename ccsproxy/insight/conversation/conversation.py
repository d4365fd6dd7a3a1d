"""A session as its user experienced it: turns, steps, tool calls with results, sub-agents in place."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ccsproxy.insight.conversation.lanes import Lane
from ccsproxy.insight.conversation.steps import Step, Turn, results_of
from ccsproxy.insight.conversation.times import Times, add, call_times, main_times
from ccsproxy.insight.facts import Call, Part
from ccsproxy.insight.session import Session

#: A pause between two calls from which it is marked, in seconds.
PAUSE_S = 300
#: Levels of nested sub-agents that are shown as such; deeper ones are listed at the last level.
_DEEPEST = 8


def conversation(session: Session) -> dict[str, Any]:
    """Return a session as its turns, steps, sub-agents, side calls and sums."""
    opening = [step.attempts[0].seq for turn in session.turns for step in turn.steps if step.opens]
    main = [call for turn in session.turns for call in turn.calls]
    main.sort(key=lambda call: call.started_ms)
    return {
        "session_id": session.calls[0].session_id if session.calls else None,
        "turns": [_turn(turn, session) for turn in session.turns],
        "aside": aside_of(session),
        "side_calls": [_side(call, session) for call in _aside_calls(session)],
        "marks": list(marks(session)),
        "totals": {**sums(session.calls), "times": main_times(main, session.lanes, opening).as_dict()},
    }


def _turn(turn: Turn, session: Session) -> dict[str, Any]:
    calls = turn.calls
    begun, ended = calls[0].started_ms, max(call.ended_ms for call in calls)
    own = list(with_agents(calls, session))
    opening = [calls[0].seq] if turn.number else []
    return {
        "number": turn.number,
        "prompt": turn.prompt,
        "started_at": moment(begun),
        "seconds": round((ended - begun) / 1000, 3),
        **sums(own),
        "times": main_times(calls, session.lanes, opening).as_dict(),
        "steps": [_step(step, session, 0) for step in turn.steps],
    }


def sums(calls: Iterable[Call]) -> dict[str, Any]:
    """Sum up calls; the cost says how many calls it lacks, and a count that no call has is unknown."""
    counted = list(calls)
    model = [call for call in counted if call.category == "model"]
    # Nobody bills a failed call, so its missing price is not a gap; one that broke off is billed in part.
    unpriced = [call for call in model if call.at_least or (call.cost is None and not call.failed)]
    priced = [call.cost for call in counted if call.cost is not None]
    total = {
        "input_tokens": _known_sum(call.tokens.prompt for call in model),
        "cached_tokens": _known_sum(call.tokens.read for call in model),
        "output_tokens": _known_sum(call.tokens.output for call in model),
    }
    return {
        "cost": sum(priced) if priced else None, "unpriced": len(unpriced), "requests": len(counted),
        "calls": len(model), "errors": sum(call.failed for call in counted), **total,
    }  # fmt: skip


def _known_sum(counts: Iterable[int | None]) -> int | None:
    given = list(counts)
    known = [count for count in given if count is not None]
    return sum(known) if known or not given else None


def _step(step: Step, session: Session, depth: int) -> dict[str, Any]:
    call = step.call
    results, called = results_of(step), step.tool_calls
    texts = [part.quote for part in call.answer if part.kind == "answer" and part.quote]
    thought = next((part.quote for part in call.answer if part.kind == "thinking"), None)
    return {
        "seq": call.seq,
        "started_at": moment(call.started_ms),
        "seconds": round((call.duration_ms or 0.0) / 1000, 3),
        "model": call.who or None,
        "outcome": call.outcome,
        "stop_reason": call.stop_reason or None,
        "cost": call.cost,
        "input_tokens": call.tokens.prompt,
        "cached_tokens": call.tokens.read,
        "output_tokens": call.tokens.output,
        "thinking": thought,
        "text": "\n".join(texts) or None,
        "calls": [_tool(part, results.get(part.id), step, called) for part in called],
        "retries": [attempt.seq for attempt in step.retries],
        # Bounded, because agents determine the depth and JSON is written recursively.
        "agents": [_agent(lane, session, depth + 1) for lane in _begun(step, session)] if depth < _DEEPEST else [],
        "cache": session.verdicts[call.seq].verdict if call.seq in session.verdicts else None,
        "times": _step_times(step).as_dict(),
    }


def _step_times(step: Step) -> Times:
    total = Times()
    for call in step.attempts:
        add(total, call_times(call))
    return total


def _tool(part: Part, result: Part | None, step: Step, called: Sequence[Part]) -> dict[str, Any]:
    return {
        "id": part.id or None,
        "name": part.name,
        "input": part.quote,
        "target": part.detail or None,
        "result": None
        if result is None
        else {"quote": result.quote, "bytes": result.size, "tokens": result.tokens, "failed": result.failed},
        "seconds": _tool_seconds(part, step, called),
    }


def _tool_seconds(part: Part, step: Step, called: Sequence[Part]) -> float | None:
    """Return how long a tool took: as the client reports, or else at most the time until the next call."""
    following = step.following
    if following is None:
        return None
    durations = [ms for name, ms in following.tool_ms if name == part.name]
    # The client names durations by tool, in the order of the calls: of two reads the second has the second.
    position = [each.id for each in called if each.name == part.name].index(part.id) if durations else 0
    if position < len(durations):
        return round(durations[position] / 1000, 3)
    # An upper bound: reading the result and thinking about the next prompt are in it, too.
    return round(max(following.started_ms - step.call.ended_ms, 0.0) / 1000, 3)


def _begun(step: Step, session: Session) -> Iterator[Lane]:
    """Yield the lanes of the sub-agents that a step began."""
    for lane in session.lanes.lanes:
        spawn = session.begun_by.get(lane.number)
        if spawn is not None and spawn.step is step:
            yield lane


def _agent(lane: Lane, session: Session, depth: int) -> dict[str, Any]:
    spawn = session.begun_by[lane.number]
    begun, ended = lane.calls[0].started_ms, max(call.ended_ms for call in lane.calls)
    return {
        "agent": lane.agent or lane.thread or f"lane-{lane.number}",
        "type": lane.calls[0].agent_type or None,
        "call": spawn.part.id or None,
        "task": spawn.part.quote,
        "seconds": round((ended - begun) / 1000, 3),
        **sums(with_agents(lane.calls, session)),
        "steps": [_step(step, session, depth) for step in session.steps[lane.number]],
    }


def with_agents(calls: Iterable[Call], session: Session, seen: frozenset[int] = frozenset()) -> Iterator[Call]:
    """Yield calls and those of the sub-agents that they began, at any depth."""
    numbers = set()
    for call in calls:
        numbers.add(call.seq)
        yield call
    for number, spawn in session.begun_by.items():
        if spawn.step.call.seq in numbers and number not in seen:
            lane = session.lanes.lanes[number]
            yield from with_agents(lane.calls, session, seen | {number})


def aside_of(session: Session) -> list[int]:
    """Return the numbers of the calls that are not part of the conversation."""
    return [call.seq for call in _aside_calls(session)]


def _aside_calls(session: Session) -> list[Call]:
    shown = set(session.turn_of)
    return [call for call in session.calls if call.seq not in shown]


def _side(call: Call, session: Session) -> dict[str, Any]:
    role = session.lane_of(call.seq).aside or call.role
    return {
        "seq": call.seq, "role": call.category if call.category != "model" else role, "model": call.who or None,
        "path": call.path, "outcome": call.outcome, "cost": call.cost,
    }  # fmt: skip


def marks(session: Session) -> Iterator[dict[str, Any]]:
    """Yield what happened between steps: compaction, ``/clear``, a change of model or tools, a long pause."""
    before: Call | None = None
    lane: Lane | None = None
    for step in (step for turn in session.turns for step in turn.steps):
        call = step.call
        own = session.lane_of(call.seq)
        if before is not None:
            for kind, text in _between(before, call, cleared=own.cleared and own is not lane):
                yield {"kind": kind, "seq": call.seq, "text": text}
        before, lane = call, own


def _between(before: Call, call: Call, cleared: bool) -> Iterator[tuple[str, str]]:
    pause = (call.started_ms - before.ended_ms) / 1000
    if pause > PAUSE_S:
        yield "pause", f"{pause / 60:.0f} minutes without a call"
    if cleared:
        yield "clear", "a new conversation begins"
    elif call.compacted and call.items and _first(call) != _first(before):
        yield "compaction", f"{_messages(before)} messages became {_messages(call)}"
    if call.model and before.model and call.model != before.model:
        yield "model", f"{before.model} → {call.model}"
    if call.items and before.items:
        yield from _prompt_changes(before, call)


def _prompt_changes(before: Call, call: Call) -> Iterator[tuple[str, str]]:
    if before.items[: before.head] == call.items[: call.head]:
        return
    for level in ("tools", "system"):
        old = [item.digest for item in before.of_level(level)]
        new = [item.digest for item in call.of_level(level)]
        if old != new:
            yield level, f"{len(old)} → {len(new)}" if len(old) != len(new) else "edited"


def _messages(call: Call) -> int:
    return len(call.items) - call.head


def _first(call: Call) -> int:
    return call.items[call.head].digest if call.head < len(call.items) else 0


def moment(ms: float) -> str:
    """Write milliseconds since the epoch as a record writes a time."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
