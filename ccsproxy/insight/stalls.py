"""Silences within answers: how many, how long, and who caused them, by model."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ccsproxy.insight.facts import Call
from ccsproxy.insight.wire_facts import STALL_MS

#: The proxy held a call up when it added so many microseconds.
_HERE_US = 1_000_000


class StalledCall(msgspec.Struct, frozen=True, kw_only=True):
    """The silences of one call.

    :ivar started_ms: milliseconds since the epoch.
    :ivar gaps: in milliseconds.
    :ivar here: whether this proxy delayed the call, regardless of the provider.
    """

    session_id: str
    seq: int
    started_ms: int
    model: str
    gaps: tuple[float, ...]
    here: bool = False


def stalled_calls(calls: Iterable[Call]) -> list[StalledCall]:
    """Return the calls whose answers fell silent, and those that this proxy delayed."""
    return [
        StalledCall(
            session_id=call.session_id,
            seq=call.seq,
            started_ms=call.started_ms,
            model=call.who,
            gaps=tuple(gap for _, gap in call.stalls),
            here=(call.overhead_us or 0) > _HERE_US,
        )
        for call in calls
        if call.stalls or (call.overhead_us or 0) > _HERE_US
    ]


def sum_stalls(found: Iterable[StalledCall]) -> dict[str, Any]:
    """Sum up stalls by model, those with the longest total first.

    :return: ``least_s``, the duration from which a silence counts; ``stalls``, ``seconds`` and ``here`` in total;
        ``rows`` of ``model``, ``calls``, ``stalls``, ``seconds``, ``longest_s`` and ``worst``, the call with the
        longest silence.
    """
    models: dict[str, list[StalledCall]] = {}
    calls = list(found)
    for each in calls:
        if each.gaps:
            models.setdefault(each.model, []).append(each)
    rows = sorted((_row(model, calls) for model, calls in models.items()), key=lambda row: -row["seconds"])
    return {
        "least_s": STALL_MS / 1000,
        "stalls": sum(row["stalls"] for row in rows),
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "here": sum(each.here for each in calls),
        "rows": rows,
    }


def _row(model: str, calls: Sequence[StalledCall]) -> dict[str, Any]:
    worst = max(calls, key=lambda each: max(each.gaps))
    gaps = [gap for each in calls for gap in each.gaps]
    return {
        "model": model or None,
        "calls": len(calls),
        "stalls": len(gaps),
        "seconds": round(sum(gaps) / 1000, 3),
        "longest_s": round(max(gaps) / 1000, 3),
        "worst": {"session_id": worst.session_id, "seq": worst.seq},
    }
