"""Sums, statistics and distributions from an engine, in the form of those from the index."""

from collections.abc import Sequence
from typing import Any

from ccsproxy.store.engine.engine import Engine
from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.index.tallies import DAY_MS, HOUR_MS, PeriodTally, bounded_sum
from ccsproxy.store.reader.aggregates.costs import SUMMED, cost_row
from ccsproxy.store.summary import KEY_BITS

#: Width of a bin of durations; see `ccsproxy.store.index.tallies.duration_bin`.
_BASE = "0.01980262729617973"
#: What sums may be grouped by, besides the groups of the index: whose calls they are.
GROUPS = {
    "project": "cwd",
    "model": "coalesce(response_model, model)",
    "client": "client",
    "upstream": "upstream",
    "account": "account",
    "session": "session_id",
    "agent": "agent",
    "host": "host",
    "person": '"user"',
    "team": "labels['team']",
}
_FINISHED = "outcome IS NOT NULL"


def where(conditions: Sequence[str]) -> str:
    """Join conditions with AND."""
    return " AND ".join(conditions) or "1 = 1"


def totals(engine: Engine, relation: str, conditions: Sequence[str]) -> dict[str, Any]:
    """Sum up what matches conditions."""
    sums = ", ".join(f"sum({name})" for name in SUMS)
    rows = engine.rows(
        f"SELECT count(*), {_count('has_error')}, {_count('unpriced IS NOT NULL')}, {sums} "  # noqa: S608
        f"FROM {relation} AS e WHERE {where(conditions)}"
    )
    requests, errors, unpriced, *found = rows[0] if rows else (0, 0, 0, *[None] * len(SUMS))
    known = {name: _whole(value) for name, value in zip(SUMS, found, strict=True)}
    return {"requests": int(requests or 0), "errors": int(errors or 0), "unpriced": int(unpriced or 0), **known}


def costs(engine: Engine, relation: str, conditions: Sequence[str], by: str) -> list[dict[str, Any]]:
    """Sum up what matches conditions by a group, the most expensive first."""
    named = engine.day("key") if by == "day" else GROUPS[by]
    sums = ", ".join(f"sum({name}), count({name})" for name in SUMMED)
    rows = engine.rows(
        f"SELECT {named} AS name, count(*), {_count('has_error')}, {_count('unpriced IS NOT NULL')}, {sums} "  # noqa: S608
        f"FROM {relation} AS e WHERE {where([_FINISHED, *conditions])} GROUP BY name"
    )
    found = [cost_row(str(name or ""), [value or 0 for value in counted]) for name, *counted in rows]
    return sorted(found, key=lambda row: (-(row["cost"] or 0.0), -row["requests"]))


def tallies(
    engine: Engine, relation: str, conditions: Sequence[str], names: Sequence[str]
) -> dict[tuple[Any, ...], PeriodTally]:
    """Return the tallies of finished requests by some expressions, with durations in the bins of the index.

    :param names: expressions that define the groups.
    """
    found: dict[tuple[Any, ...], PeriodTally] = {}
    grouped, condition = ", ".join(names), where([_FINISHED, *conditions])
    sums = ", ".join(f"sum({name})" for name in SUMS)
    spread = ", ".join(engine.counted(_bin(engine, column)) for column in ("duration_ms", "ttft_ms"))
    for row in engine.rows(
        f"SELECT {grouped}, outcome, count(*), {_count('has_error')}, {_count('unpriced IS NOT NULL')}, {sums}, "  # noqa: S608
        f"{spread} FROM {relation} AS e WHERE {condition} GROUP BY {grouped}, outcome"
    ):
        *summed, durations, ttfts = row[len(names) :]
        tally = found.setdefault(row[: len(names)], PeriodTally())
        _add(tally, summed)
        for bins, counts in ((tally.durations, durations), (tally.ttfts, ttfts)):
            for number, count in (counts or {}).items():
                bins[int(number)] = bins.get(int(number), 0) + int(count)
    return found


def periods_by(engine: Engine, span: str) -> str:
    """Return the expression for the number of a call's hour or day."""
    length = {"hour": HOUR_MS, "day": DAY_MS}[span]
    return engine.whole(f"key / {float(length << KEY_BITS)!r}")


def _add(tally: PeriodTally, row: Sequence[Any]) -> None:
    outcome, requests, errors, unpriced, *sums = row
    tally.requests += int(requests)
    tally.errors += int(errors or 0)
    tally.unpriced += int(unpriced or 0)
    tally.outcomes[str(outcome)] = tally.outcomes.get(str(outcome), 0) + int(requests)
    for place, value in enumerate(sums):
        if value is not None:
            tally.sums[place] = bounded_sum(tally.sums[place], _whole(value) or 0)


def _bin(engine: Engine, column: str) -> str:
    """Return the expression for the number of a duration's bin, null for none."""
    number = engine.whole(f"ln({column}) / {_BASE}")
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {column} > 0.001 THEN {number} ELSE -400 END"


def _count(condition: str) -> str:
    return f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"


def _whole(value: Any) -> float | int | None:
    """Convert an integral sum to an integer."""
    if value is None:
        return None
    return int(value) if float(value).is_integer() else float(value)
