"""The cache verdict: how much of a prompt could have been read, how much was, and the reason for the difference.

What was read is compared with what could have been read, not with the previous call, because a constantly low number
would look healthy. A change counts only if it lies before the breakpoint on which the expectation rests.
"""

from typing import Any

import msgspec

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.cache.rules import HIT_SHARE, HIT_TOKENS, LOOK_BACK, Rule, lifetime_s, margin_s, rule_for
from ccsproxy.insight.conversation.lanes import CallLink, common_prefix
from ccsproxy.insight.facts import Call
from ccsproxy.insight.prompt.difference import Difference, first_difference

_PROVIDER_PARTS = {
    "model": "model",
    "system": "system",
    "tools": "tools",
    "messages": "messages",
    "input": "messages",
}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result for a call's cached prefix.

    :ivar verdict: ``hit``, ``partial``, ``miss``, ``cold``, ``expired``, ``changed``, ``rewritten``, ``unset`` or
        ``unknown``.
    :ivar cause: more precise than the verdict: ``below_minimum``, ``parallel``, ``look_back``, ``server_side``, ...
    :ivar causes: all causes that apply.
    :ivar certain: whether the verdict rests on what the record shows, not on a lifetime that is not guaranteed.
    :ivar lost_cost: US dollars; None where the rates are not known.
    :ivar previous: number of the call with which it is compared.
    :ivar gap_s: seconds since that call began.
    :ivar provider: the provider's own diagnosis, unchanged.
    """

    verdict: str
    cause: str = ""
    causes: tuple[str, ...] = ()
    part: str | None = None
    place: str | None = None
    first_difference: str | None = None
    expected_tokens: int | None = None
    read_tokens: int | None = None
    written_tokens: int | None = None
    lost_tokens: int = 0
    lost_cost: float | None = None
    certain: bool = True
    previous: int | None = None
    gap_s: float | None = None
    provider: Any = None


def verdict(call: Call, link: CallLink) -> Verdict:
    """Judge the cache of one call against its predecessor."""
    rule = rule_for(call)
    before = link.cached
    read, written = call.tokens.read, call.tokens.written
    known: dict[str, Any] = {
        "read_tokens": read, "written_tokens": written, "provider": call.diagnosis,
        "previous": before.seq if before else None,
        "gap_s": (call.started_ms - before.started_ms) / 1000 if before else None,
    }  # fmt: skip
    if call.tokens.prompt is None or read is None:
        return Verdict(verdict="unknown", cause="not_counted", **known)
    expected = expectation(before, call, rule) if before else 0
    known["expected_tokens"] = expected
    # The cache was not requested, so nothing was missed; providers that cache automatically never get here.
    if rule.marked and not call.breakpoints and not read and not written:
        return Verdict(verdict="unset", cause="unset", **known)
    if before is None or not expected:
        return _first(call, before, rule, known)
    if _is_hit(read, expected, rule) and not (rewritten(before, call) and read < HIT_SHARE * _held(before)):
        return Verdict(verdict="hit", **known)
    return _missed(call, before, rule, expected, known)


def expectation(before: Call, call: Call, rule: Rule) -> int:
    """Return how many tokens of a prompt could have been read, had nothing changed and nothing expired."""
    held = _held(before)
    total = before.tokens.prompt or 0
    # OpenAI and similar providers report only what was read; what they store has to be derived from the step size.
    if not rule.writes or (not rule.marked and not before.tokens.written):
        # Writes are not reported, so all of the prompt may be stored, in whole steps.
        held = max(total // rule.step * rule.step, before.tokens.read or 0) if total >= rule.minimum else 0
    return min(held, call.tokens.prompt or 0)


def _held(before: Call) -> int:
    return (before.tokens.read or 0) + (before.tokens.written or 0)


def rewritten(before: Call, call: Call) -> bool:
    """Whether a summary took the place of the conversation between two calls."""
    return call.compacted and _opening(call) != _opening(before)


def _opening(call: Call) -> int:
    return call.items[call.head].digest if call.head < len(call.items) else 0


def _is_hit(read: int, expected: int, rule: Rule) -> bool:
    missing = expected - read
    if not rule.writes:
        return missing <= max(rule.step, int(expected * (1 - HIT_SHARE)))
    # The last message of a turn is always new: a few hundred tokens are not a miss, whatever their share.
    return read >= HIT_SHARE * expected or missing < min(HIT_TOKENS, expected)


def _first(call: Call, before: Call | None, rule: Rule, known: dict[str, Any]) -> Verdict:
    """Judge a call without a predecessor to read from."""
    # Another session, or another agent of this one, has written the same beginning: mostly system prompt and tools.
    if call.tokens.read:
        return Verdict(verdict="hit", cause="shared_prefix", **known)
    if call.tokens.written:
        return Verdict(verdict="cold", cause="cold", **known)
    if (call.tokens.prompt or 0) < rule.minimum:
        return Verdict(verdict="unset", cause="below_minimum", **known)
    if rule.writes and rule.marked:
        return Verdict(verdict="unset", cause="not_kept", certain=False, **known)
    # A provider that does not report writes may still have written.
    return Verdict(
        verdict="cold" if before is None else "unknown", cause="writes_not_counted", certain=False, **known
    )


def _missed(call: Call, before: Call, rule: Rule, expected: int, known: dict[str, Any]) -> Verdict:
    """Explain why less was read than possible."""
    read = call.tokens.read or 0
    found = first_difference(before, call) if call.known and before.known else None
    changed = found if found is not None and _reaches(found, before, call, rule) else None
    lost = _lost(call, expected - read, rule)
    known |= {"lost_tokens": lost, "lost_cost": _lost_cost(call, lost, rule)}
    causes: list[str] = []
    own = _changed_part(call.diagnosis)
    scope = _scope(before, call)
    if scope:
        causes.append(scope)
    if rewritten(before, call) and (changed is None or changed.part == "messages"):
        causes.append("rewritten")
    elif changed is not None or own:
        causes.append("changed")
    if _expired(call, before, rule):
        causes.append("expired")
    if not causes:
        # Only if the record itself shows no cause: the provider's own reasons are guesses, and are marked as such.
        causes += _elsewhere(call, before, rule)
    return _verdict_of(causes, changed, own, call, known, rule)


def _verdict_of(
    causes: list[str], changed: Difference | None, own: str, call: Call, known: dict[str, Any], rule: Rule
) -> Verdict:
    lead = causes[0]
    if lead in ("changed", "rewritten") and changed is not None:
        known |= {"part": changed.part, "place": changed.place, "first_difference": changed.words}
    elif lead == "changed":
        known |= {"part": own}
    if lead == "rewritten":
        # A summary is written deliberately, and is cheaper than what it replaces: its new prefix is not a loss.
        known |= {"lost_tokens": 0, "lost_cost": None if known["lost_cost"] is None else 0.0}
    name = lead if lead in ("changed", "rewritten", "expired") else ("partial" if call.tokens.read else "miss")
    if lead == "not_recorded":
        name = "unknown"
    certain = lead != "expired" or rule.promised
    return Verdict(verdict=name, cause=lead, causes=tuple(causes), certain=certain, **known)


def _reaches(found: Difference, before: Call, call: Call, rule: Rule) -> bool:
    """Whether a difference lies before the breakpoint on which the expectation rests."""
    if not rule.marked or not before.breakpoints:
        return True
    last = before.breakpoints[-1]
    # What changed after the breakpoint was never stored, so the expectation does not depend on it.
    if found.item != last.item:
        return found.item < last.item
    if found.part not in ("messages", "system", "tools"):
        return True
    at = found.place.rpartition(".content[")[2].rstrip("]")
    return not at.isdigit() or int(at) <= last.piece


def _scope(before: Call, call: Call) -> str:
    """Name what separates the caches of two calls; empty if nothing does."""
    for name in ("upstream", "account"):
        old, new = getattr(before, name), getattr(call, name)
        if old and new and old != new:
            return f"other_{name}"
    if before.settings.get("workspace") != call.settings.get("workspace"):
        return "other_workspace"
    return ""


def _expired(call: Call, before: Call, rule: Rule) -> bool:
    """Whether the entry was too old: its life counts from the start of the request that wrote or read it last."""
    lifetime = lifetime_s(before, rule)
    gap = (call.started_ms - before.started_ms) / 1000
    # Near the end of a guaranteed lifetime both are possible, because only the provider knows when it began.
    return gap > lifetime - (margin_s(lifetime) if rule.promised else 0)


def _elsewhere(call: Call, before: Call, rule: Rule) -> list[str]:
    """Name possible causes of a miss if nothing changed and the entry was young."""
    if not (call.known and before.known):
        return ["not_recorded"]
    if before.answering_ms is not None and call.started_ms < before.started_ms + before.answering_ms:
        return ["parallel"]
    if rule.marked and before.breakpoints and call.breakpoints:
        if call.breakpoints[-1].ttl_s != before.breakpoints[-1].ttl_s:
            return ["other_ttl"]
        if _positions(call, before) > LOOK_BACK:
            return ["look_back"]
    return ["server_side"]


def _positions(call: Call, before: Call) -> int:
    """Count the positions between the previous call's breakpoint and the next one, as Anthropic counts them."""
    last = before.breakpoints[-1]
    held = {(mark.item, mark.piece) for mark in call.breakpoints}
    if (last.item, last.piece) in held:
        return 0
    nxt = next((mark for mark in call.breakpoints if (mark.item, mark.piece) > (last.item, last.piece)), None)
    if nxt is None:
        return 0
    count, run = 1, ""
    for number, item in enumerate(call.items[last.item : nxt.item + 1], last.item):
        for piece, part in enumerate(item.parts):
            if (number, piece) <= (last.item, last.piece) or (number, piece) > (nxt.item, nxt.piece):
                continue
            together = part.kind in ("tool_call", "tool_result") and part.kind == run
            # Anthropic looks back over twenty positions, and counts a row of tool results as one.
            count += not together
            run = part.kind
    return count


def _lost(call: Call, missing: int, rule: Rule) -> int:
    """Return the tokens that were paid for again: no more than were written, or not read, now."""
    # A miss costs at most what was paid: what was not read was either written or billed as input.
    paid = call.tokens.written if rule.writes and call.tokens.written else call.tokens.input
    return max(min(missing, paid or 0), 0)


def _lost_cost(call: Call, lost: int, rule: Rule) -> float | None:
    rates = call.rates
    if rates is None or rates.read is None:
        return None if lost else 0.0
    paid = write_rate(call) if rule.writes and call.tokens.written else rates.input
    return None if paid is None else lost * (paid - rates.read) / 1e6


def write_rate(call: Call) -> float | None:
    """Return the mean rate of the tokens that a call wrote, in dollars per million."""
    rates, tokens = call.rates, call.tokens
    if rates is None:
        return None
    hour = tokens.written_1h or 0
    written = tokens.written or 0
    if not written or not hour:
        return rates.write_5m
    if rates.write_1h is None or (rates.write_5m is None and hour < written):
        return None
    return (hour * rates.write_1h + (written - hour) * (rates.write_5m or 0.0)) / written


def _changed_part(diagnosis: Any) -> str:
    """Return the part of the prompt that the provider reports as changed; empty if there is none."""
    known = fields(diagnosis)
    reason = known.get("cache_miss_reason", known.get("reason"))
    kind = str(fields(reason).get("type") if isinstance(reason, dict) else reason or "")
    return _PROVIDER_PARTS.get(kind.removesuffix("_changed"), "") if kind.endswith("_changed") else ""


__all__ = ["Verdict", "common_prefix", "expectation", "verdict", "write_rate"]
