"""Findings about how calls ended: errors, answers that were cut off, requests that were sent twice, thinking."""

from collections import Counter
from collections.abc import Iterator

from ccsproxy.insight import words
from ccsproxy.insight.facts import Call
from ccsproxy.insight.finding import Finding, make_finding, place
from ccsproxy.insight.session import Session

#: Stop reasons of an answer that is not whole, and what they mean.
_CUT_OFF = {
    **dict.fromkeys(
        ("max_tokens", "length", "max_output_tokens", "MAX_TOKENS", "max_completion_tokens", "token_limit"),
        "cut off at the limit of output tokens",
    ),
    "model_context_window_exceeded": "cut off because the context window was full",
    **dict.fromkeys(
        ("refusal", "content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"),
        "refused by the model or its filter",
    ),
}
#: An answer of so few tokens was meant to be short: clients ask for one token to learn about a quota.
_PROBE = 16
#: Thresholds: dollars of repeated requests and of thinking, the share of thinking in output, and in the session.
_DOLLARS, _THOUGHT, _SHARE = 0.01, 0.5, 0.25
#: Characters of an error message.
_MESSAGE = 120


def failures(session: Session) -> Iterator[Finding]:
    """Join the attempts that failed, by status, with the time that they cost, and the last final reason."""
    failed = [call for call in session.calls if call.failed and call.category == "model"]
    if not failed:
        return
    # An answer that broke off has a status of success, so its outcome is shown instead.
    counts = Counter(
        str(call.status if (call.status or 0) >= 400 else call.outcome.replace("_", " ")) for call in failed
    )
    causes = ", ".join(f"{name} {words.times(count)}" for name, count in counts.most_common(4))
    lost = sum(_backoff(call, session) for call in failed)
    final = next((call for call in reversed(failed) if call.error and _repeated_by(call, session) is None), None)
    why = f": {final.error[:_MESSAGE]}" if final is not None else ""
    text = f"{causes}, {words.seconds(lost)} lost{why}"
    yield make_finding(session, "errors", text, failed, seconds=round(lost, 3))


def _repeated_by(call: Call, session: Session) -> Call | None:
    """Return the next attempt of a call that failed; None if there was none."""
    lane = session.lane_of(call.seq).calls
    at = lane.index(call)
    following = lane[at + 1] if at + 1 < len(lane) else None
    return following if following is not None and session.lanes.links[following.seq].repeats is call else None


def _backoff(call: Call, session: Session) -> float:
    """Return the seconds that a failed attempt took, and the pause after it."""
    following = _repeated_by(call, session)
    end = following.started_ms if following is not None else call.ended_ms
    return max(end - call.started_ms, 0) / 1000


def cut_off(session: Session) -> Iterator[Finding]:
    """Report answers that ended before the model was done, by reason."""
    found: dict[str, list[Call]] = {}
    for call in session.calls:
        reason = _CUT_OFF.get(call.stop_reason)
        if reason and call.role == "main" and (call.tokens.output is None or call.tokens.output >= _least(reason)):
            found.setdefault(reason, []).append(call)
    for reason, calls in found.items():
        places = ", ".join(dict.fromkeys(place(session, call) for call in calls[:3]))
        more = f" and {len(calls) - 3} more" if len(calls) > 3 else ""
        text = f"{words.plural(len(calls), 'answer')} {reason} ({calls[0].stop_reason}): {places}{more}"
        yield make_finding(session, "stop", text, calls)


def _least(reason: str) -> int:
    return _PROBE if "output tokens" in reason else 0


def repeated(session: Session) -> Iterator[Finding]:
    """Report requests that were sent again although they had been answered."""
    groups: dict[tuple[str, int, int], list[Call]] = {}
    for call in session.calls:
        answered = call.category == "model" and call.outcome == "complete"
        if call.role == "main" and answered and call.items and call.known and not call.continues:
            groups.setdefault((call.who, len(call.items), call.items[-1].digest), []).append(call)
    again = [call for calls in groups.values() for call in calls[1:] if call.items == calls[0].items]
    known = [call.cost for call in again if call.cost is not None]
    if known and sum(known) >= _DOLLARS:
        cost = sum(known)
        text = f"{words.plural(len(again), 'request')} had been answered already and cost {words.dollars(cost)} again"
        yield make_finding(session, "repeated", text, again, cost=cost)


def thinking(session: Session) -> Iterator[Finding]:
    """Report that most of what the model wrote was thinking, where that is much of the cost."""
    thought = [call for call in session.calls if call.tokens.reasoning and call.rates and call.rates.output]
    cost = sum((call.tokens.reasoning or 0) * (call.rates.output or 0.0) / 1e6 for call in thought if call.rates)
    output = sum(call.tokens.output or 0 for call in session.calls)
    total = sum(call.cost or 0.0 for call in session.calls)
    tokens = sum(call.tokens.reasoning or 0 for call in thought)
    if not output or tokens < _THOUGHT * output or cost < max(_SHARE * total, 5 * _DOLLARS):
        return
    thought.sort(key=lambda call: -(call.tokens.reasoning or 0))
    text = f"thinking was {tokens / output:.0%} of the output: {words.tokens(tokens)} tokens, {words.dollars(cost)}"
    yield make_finding(session, "thinking", text, thought[:5], cost=cost)
