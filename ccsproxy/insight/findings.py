"""Findings about a session, as sentences ranked by dollars and seconds; none if there is nothing to report."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ccsproxy.insight import words
from ccsproxy.insight.cache.verdict import Verdict
from ccsproxy.insight.conversation.conversation import sums, with_agents
from ccsproxy.insight.cost.carry import heaviest
from ccsproxy.insight.facts import Call
from ccsproxy.insight.finding import Finding, make_finding, place
from ccsproxy.insight.outcome_findings import cut_off, failures, repeated, thinking
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
    yield make_finding(session, "cache", text, (call for call, _ in missed), cost=cost)


def _cause(session: Session, call: Call, verdict: Verdict) -> str:
    if verdict.verdict == "changed":
        before = session.by_seq.get(verdict.previous or 0)
        counted = tools_in_brief(before.items, call.items) if before and verdict.part == "tools" else ""
        return f"{verdict.part or 'prompt'} changed{f' ({counted})' if counted else ''}"
    if verdict.verdict == "expired":
        # Within a turn it is a tool, and not the user, that took so long.
        turn, step = session.turn_of.get(call.seq, (0, 0))
        waited = words.seconds(verdict.gap_s)
        return f"a wait of {waited} for a tool" if turn and step > 1 else f"a pause of {waited}"
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
        yield make_finding(session, "uncached", text, repeated, cost=cost)


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
        yield make_finding(session, "carried", text, [session.by_seq[each["seq"]]], cost=cost)


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
        yield make_finding(session, "turn", text, calls[:5], cost=found["cost"])


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
            yield make_finding(session, "secret", text, [call])


def _side_calls(session: Session) -> Iterator[Finding]:
    """Name small side calls that ran on a large model."""
    calls = [call for call in session.calls if call.role in ("title", "quota", "classifier")
             and any(name in call.who for name in _BIG)]  # fmt: skip
    cost = _sum(call.cost for call in calls)
    if len(calls) >= 3 or (cost or 0.0) >= _DOLLARS:
        kinds = "/".join(dict.fromkeys(call.role for call in calls))
        text = f"a small model would have done: {words.plural(len(calls), kinds + ' call')} on {calls[0].who}"
        yield make_finding(session, "model", text, calls, cost=cost)


def _reads(session: Session) -> Iterator[Finding]:
    """Name files that were read again and again."""
    reads: dict[str, list[Call]] = {}
    for call in session.calls:
        for part in call.answer:
            if part.kind == "tool_call" and part.name in _READING and part.detail:
                reads.setdefault(part.detail, []).append(call)
    for name, calls in sorted(reads.items(), key=lambda each: -len(each[1]))[:2]:
        if len(calls) >= _READS:
            yield make_finding(session, "reads", f"{name} was read {words.times(len(calls))}", calls)


def _stalls(session: Session) -> Iterator[Finding]:
    """Count long silences and slow starts, and report who caused them."""
    stalled = [call for call in session.calls if any(gap >= _STALL_S * 1000 for _, gap in call.stalls)]
    slow = [call for call in session.calls if (call.ttft_ms or 0) >= _WAIT_S * 1000]
    # A reader of this finding first wants to know whether the proxy caused the stall.
    here = sum((call.overhead_us or 0) > 1e6 for call in session.calls)
    if stalled:
        lost = sum(gap for call in stalled for _, gap in call.stalls) / 1000
        text = f"{words.plural(len(stalled), 'stall')} over {_STALL_S:.0f} s at the provider, {here} here"
        yield make_finding(session, "stalls", text, stalled, seconds=round(lost, 3))
    if slow:
        lost = sum(call.ttft_ms or 0.0 for call in slow) / 1000
        text = f"{words.plural(len(slow), 'call')} waited over {_WAIT_S:.0f} s for the first token"
        yield make_finding(session, "waits", text, slow, seconds=round(lost, 3))


def _full_context(session: Session) -> Iterator[Finding]:
    """Report how full the context of the newest step is, if little room is left."""
    last = next((step.call for turn in reversed(session.turns) for step in reversed(turn.steps)), None)
    prompt, window = (last.tokens.prompt, context_window(last.who)) if last is not None else (None, None)
    if last is not None and prompt and window and prompt >= _FULL * window:
        text = f"the context is {prompt / window:.0%} full: {words.tokens(prompt)} of {words.tokens(window)} tokens"
        yield make_finding(session, "context", text, [last])


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
        yield make_finding(session, "tools", text, [session.by_seq[tools[0][1].first]], cost=cost)


def _losses(session: Session) -> Iterator[Finding]:
    """Report what the record lacks."""
    cut = [call for call in session.calls if call.dropped_bytes]
    if cut:
        lost = words.size(sum(call.dropped_bytes for call in cut))
        text = f"{lost} of {words.plural(len(cut), 'call')} were passed on and not kept"
        yield make_finding(session, "loss", text, cut)
    # Nobody bills a failed call, so its missing price is not a gap.
    unpriced = [call for call in session.calls if call.category == "model" and call.cost is None and not call.failed]
    if unpriced:
        names = ", ".join(dict.fromkeys(call.who or "unknown model" for call in unpriced))
        text = f"{words.plural(len(unpriced), 'call')} without a price: {names}"
        yield make_finding(session, "unpriced", text, unpriced)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


_MAKERS: tuple[Callable[[Session], Iterator[Finding]], ...] = (
    *(_cache, _unset, _carried, _costly_turn, _secrets, failures, cut_off, repeated, thinking),
    *(_side_calls, _reads, _stalls, _full_context, _unused_tools, _losses),
)
