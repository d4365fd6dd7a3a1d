"""Findings about a session, as sentences ranked by dollars and seconds; none if there is nothing to report."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ccsproxy.insight import words
from ccsproxy.insight.cache.verdict import Verdict
from ccsproxy.insight.conversation.conversation import sums, with_agents
from ccsproxy.insight.cost.carry import heaviest
from ccsproxy.insight.facts import Call
from ccsproxy.insight.prompt.difference import tools_in_brief
from ccsproxy.insight.prompt.parts import server_of
from ccsproxy.insight.session import Session
from ccsproxy.providers.prices import context_window

#: Thresholds of a finding: dollars, tokens of a result, calls that repeat it, share of a session.
_DOLLARS, _TOKENS, _SENT, _SHARE = 0.01, 4000, 5, 0.25
#: Thresholds: reads of one file, seconds of a stall and of a wait for the first byte.
_READS, _STALL_S, _WAIT_S = 5, 10.0, 20.0
#: The share of its window from which a context is called full.
_FULL = 0.8
_READING = frozenset({"Read", "read_file", "read", "view", "cat"})
_BIG = ("opus", "fable", "mythos", "-sol", "-astra", "-pro")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence with its evidence.

    :ivar seq: the call to look at first; None if it is about the whole session.
    :ivar cost: US dollars involved; None if not known.
    :ivar links: ``{"seq", "text"}`` of all calls involved.
    """

    kind: str
    text: str
    session_id: str
    seq: int | None = None
    cost: float | None = None
    seconds: float | None = None
    links: tuple[dict[str, Any], ...] = ()


def findings(session: Session) -> list[Finding]:
    """Return the findings of a session, the weightiest first."""
    if not session.calls:
        return []
    found = [finding for maker in _MAKERS for finding in maker(session)]
    return sorted(found, key=weight, reverse=True)


def weight(finding: Finding) -> tuple[bool, float, float]:
    """Return the sort key of a finding: secrets and losses first, then dollars, then seconds."""
    urgent = finding.kind in ("secret", "loss")
    return urgent, finding.cost or 0.0, finding.seconds or 0.0


def _make(session: Session, kind: str, text: str, calls: Iterable[Call], **more: Any) -> Finding:
    about = list(calls)
    links = tuple({"seq": call.seq, "text": place(session, call)} for call in about[:50])
    first = about[0].seq if about else None
    return Finding(kind=kind, text=text, session_id=session.calls[0].session_id, seq=first, links=links, **more)


def place(session: Session, call: Call) -> str:
    """Name a call as the user counts: by its turn, else by its number."""
    turn = session.turn_of.get(call.seq)
    return f"turn {turn[0]}" if turn and turn[0] else f"call {call.seq}"


def _cache(session: Session) -> Iterator[Finding]:
    """Sum up what cache misses cost, each with its cause."""
    missed = [
        (session.by_seq[seq], verdict)
        for seq, verdict in session.verdicts.items()
        if verdict.verdict in ("changed", "expired", "miss", "partial") and verdict.lost_tokens
    ]
    priced = [verdict.lost_cost for _, verdict in missed if verdict.lost_cost is not None]
    cost = sum(priced) if priced else None
    # A miss of unknown price is reported, because unknown does not mean small.
    if not missed or (cost is not None and cost < _DOLLARS):
        return
    missed.sort(key=lambda each: -(each[1].lost_cost or 0.0))
    causes = [f"{_cause(session, call, verdict)} at {place(session, call)}" for call, verdict in missed[:4]]
    more = f" and {len(missed) - 4} more" if len(missed) > 4 else ""
    lost = words.tokens(sum(verdict.lost_tokens for _, verdict in missed))
    paid = f" cost {words.dollars(cost)}" if cost is not None else f" sent {lost} tokens again"
    text = f"{len(missed)} cache {'miss' if len(missed) == 1 else 'misses'}{paid}: {'; '.join(causes)}{more}"
    yield _make(session, "cache", text, (call for call, _ in missed), cost=cost)


def _cause(session: Session, call: Call, verdict: Verdict) -> str:
    if verdict.verdict == "changed":
        before = session.by_seq.get(verdict.previous or 0)
        counted = tools_in_brief(before.items, call.items) if before and verdict.part == "tools" else ""
        return f"{verdict.part or 'prompt'} changed{f' ({counted})' if counted else ''}"
    if verdict.verdict == "expired":
        return f"a pause of {words.seconds(verdict.gap_s)}"
    return _CAUSES.get(verdict.cause, verdict.cause.replace("_", " "))


_CAUSES = {
    "server_side": "nothing changed, the entry was missing at the provider",
    "parallel": "sent before the first answer began",
    "look_back": "more than 20 blocks since the last breakpoint",
}


def _unset(session: Session) -> Iterator[Finding]:
    """Report a conversation that is sent repeatedly without asking for the cache."""
    calls = [
        session.by_seq[seq] for seq, verdict in session.verdicts.items()
        if verdict.cause == "unset" and session.by_seq[seq].role == "main"
    ]  # fmt: skip
    repeated = [call for call in calls if session.lanes.links[call.seq].shared and (call.tokens.input or 0) > _TOKENS]
    if len(repeated) >= 3:
        count = sum(call.tokens.input or 0 for call in repeated)
        cost = _sum(_uncached(call) for call in repeated)
        text = f"{len(repeated)} calls sent {words.tokens(count)} tokens without asking for the prompt cache"
        yield _make(session, "uncached", text, repeated, cost=cost)


def _uncached(call: Call) -> float | None:
    rates = call.rates
    if rates is None or rates.input is None or rates.read is None:
        return None
    return (call.tokens.input or 0) * (rates.input - rates.read) / 1e6


def _carried(session: Session) -> Iterator[Finding]:
    """Name the results that every later call repeats."""
    for each in list(heaviest(session.carried, 3)):
        if each["tokens"] < _TOKENS or each["sent"] < _SENT or each["kind"] == "user":
            continue
        what = f"{words.size(each['bytes'])} {'result' if each['kind'] == 'tool_result' else each['kind']}"
        of = f" of {each['name']}" if each["name"] else ""
        cost = each["carry_cost"]
        paid = f": {words.dollars(cost)}" if cost is not None else ""
        text = f"a {what}{of} was sent {words.times(each['sent'])}{paid}"
        yield _make(session, "carried", text, [session.by_seq[each["seq"]]], cost=cost)


def _costly_turn(session: Session) -> Iterator[Finding]:
    """Name the turn that costs more than its share."""
    total = sums(session.calls)["cost"]
    turns = [(turn, sums(with_agents(turn.calls, session))) for turn in session.turns]
    # With few turns each has a large share, and in a cheap session none is worth reporting.
    if not total or total < 0.1 or len(turns) < 4:
        return
    turn, found = max(turns, key=lambda each: each[1]["cost"] or 0.0)
    share = (found["cost"] or 0.0) / total
    if share >= _SHARE:
        calls = [step.call for step in turn.steps]
        calls.sort(key=lambda call: -(call.cost or 0.0))
        text = f"turn {turn.number} is {share:.0%} of the session's cost"
        yield _make(session, "turn", text, calls[:5], cost=found["cost"])


def _secrets(session: Session) -> Iterator[Finding]:
    """Report the secrets that were sent to the provider, each at the first call that sent it."""
    seen: set[tuple[str, str]] = set()
    for call in session.calls:
        new = [each for each in call.outbound if each.identity not in seen]
        if new:
            seen.update(each.identity for each in new)
            count = sum(1 if each.tag else each.count for each in new)
            kinds = ", ".join(dict.fromkeys(each.kind for each in new))
            text = f"{words.plural(count, 'secret')} left in {place(session, call)}: {kinds}"
            yield _make(session, "secret", text, [call])


def _retries(session: Session) -> Iterator[Finding]:
    """Join the attempts that failed, by status, with the time that they cost."""
    failed = [call for call in session.calls if call.failed and call.category == "model"]
    if not failed:
        return
    # An answer that broke off has a status of success, so its outcome is shown instead.
    counts = Counter(
        str(call.status if (call.status or 0) >= 400 else call.outcome.replace("_", " ")) for call in failed
    )
    causes = ", ".join(f"{name} {words.times(count)}" for name, count in counts.most_common(4))
    lost = sum(_backoff(call, session) for call in failed)
    yield _make(session, "errors", f"{causes}, {words.seconds(lost)} lost", failed, seconds=round(lost, 3))


def _backoff(call: Call, session: Session) -> float:
    """Return the seconds that a failed attempt took, and the pause after it."""
    lane = session.lane_of(call.seq).calls
    at = lane.index(call)
    following = lane[at + 1] if at + 1 < len(lane) else None
    repeated = following is not None and session.lanes.links[following.seq].repeats is call
    end = following.started_ms if repeated and following else call.ended_ms
    return max(end - call.started_ms, 0) / 1000


def _side_calls(session: Session) -> Iterator[Finding]:
    """Name small side calls that ran on a large model."""
    calls = [call for call in session.calls if call.role in ("title", "quota", "classifier")
             and any(name in call.who for name in _BIG)]  # fmt: skip
    cost = _sum(call.cost for call in calls)
    if len(calls) >= 3 or (cost or 0.0) >= _DOLLARS:
        kinds = "/".join(dict.fromkeys(call.role for call in calls))
        text = f"a small model would have done: {words.plural(len(calls), kinds + ' call')} on {calls[0].who}"
        yield _make(session, "model", text, calls, cost=cost)


def _reads(session: Session) -> Iterator[Finding]:
    """Name files that were read again and again."""
    reads: dict[str, list[Call]] = {}
    for call in session.calls:
        for part in call.answer:
            if part.kind == "tool_call" and part.name in _READING and part.detail:
                reads.setdefault(part.detail, []).append(call)
    for name, calls in sorted(reads.items(), key=lambda each: -len(each[1]))[:2]:
        if len(calls) >= _READS:
            yield _make(session, "reads", f"{name} was read {words.times(len(calls))}", calls)


def _stalls(session: Session) -> Iterator[Finding]:
    """Count long silences and slow starts, and report who caused them."""
    stalled = [call for call in session.calls if any(gap >= _STALL_S * 1000 for _, gap in call.stalls)]
    slow = [call for call in session.calls if (call.ttft_ms or 0) >= _WAIT_S * 1000]
    # A reader of this finding first wants to know whether the proxy caused the stall.
    here = sum((call.overhead_us or 0) > 1e6 for call in session.calls)
    if stalled:
        lost = sum(gap for call in stalled for _, gap in call.stalls) / 1000
        text = f"{words.plural(len(stalled), 'stall')} over {_STALL_S:.0f} s at the provider, {here} here"
        yield _make(session, "stalls", text, stalled, seconds=round(lost, 3))
    if slow:
        lost = sum(call.ttft_ms or 0.0 for call in slow) / 1000
        text = f"{words.plural(len(slow), 'call')} waited over {_WAIT_S:.0f} s for the first token"
        yield _make(session, "waits", text, slow, seconds=round(lost, 3))


def _full_context(session: Session) -> Iterator[Finding]:
    """Report how full the context of the newest step is, if little room is left."""
    last = next((step.call for turn in reversed(session.turns) for step in reversed(turn.steps)), None)
    prompt, window = (last.tokens.prompt, context_window(last.who)) if last is not None else (None, None)
    if last is not None and prompt and window and prompt >= _FULL * window:
        text = f"the context is {prompt / window:.0%} full: {words.tokens(prompt)} of {words.tokens(window)} tokens"
        yield _make(session, "context", text, [last])


def _unused_tools(session: Session) -> Iterator[Finding]:
    """Report the MCP servers whose tools are in every call but never used."""
    used = {part.name for call in session.calls for part in call.answer if part.kind == "tool_call"}
    servers: dict[str, list[Any]] = {}
    for each in session.carried:
        for part in each.item.parts:
            if part.kind == "tool" and server_of(part.name):
                servers.setdefault(server_of(part.name), []).append((part.name, each))
    for server, tools in servers.items():
        names = {name for name, _ in tools}
        cost = _sum(each.cost for _, each in tools)
        # One used tool justifies its server, because clients offer either all or none of a server's tools.
        if names & used or (cost or 0.0) < _DOLLARS:
            continue
        size = sum({name: each.tokens for name, each in tools}.values())
        text = f"{words.plural(len(names), 'tool')} of {server} were never called"
        text = f"{text}: {words.tokens(size)} tokens in every call, {words.dollars(cost)}"
        yield _make(session, "tools", text, [session.by_seq[tools[0][1].first]], cost=cost)


def _losses(session: Session) -> Iterator[Finding]:
    """Report what the record lacks."""
    cut = [call for call in session.calls if call.dropped_bytes]
    if cut:
        lost = words.size(sum(call.dropped_bytes for call in cut))
        yield _make(session, "loss", f"{lost} of {words.plural(len(cut), 'call')} were passed on and not kept", cut)
    # Nobody bills a failed call, so its missing price is not a gap.
    unpriced = [call for call in session.calls if call.category == "model" and call.cost is None and not call.failed]
    if unpriced:
        names = ", ".join(dict.fromkeys(call.who or "unknown model" for call in unpriced))
        yield _make(session, "unpriced", f"{words.plural(len(unpriced), 'call')} without a price: {names}", unpriced)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


_MAKERS: tuple[Callable[[Session], Iterator[Finding]], ...] = (
    *(_cache, _unset, _carried, _costly_turn, _secrets, _retries),
    *(_side_calls, _reads, _stalls, _full_context, _unused_tools, _losses),
)
