"""The current state of a limit, and when it will be reached at the rate of this window."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.insight.limits.readings import LimitReading

#: A line is drawn through at least so many readings, over so long a time.
_READINGS, _SPAN_MS = 3, 600_000
#: Through at most so many readings.
_POINTS = 300
#: A window that is this full and this young most likely still shows the reading of the previous one.
_FULL, _YOUNG_MS = 0.95, 300_000
#: An older reading means little for a window of one minute.
_FRESH_MS = 120_000


def limits_now(found: Iterable[LimitReading], now_ms: int) -> list[dict[str, Any]]:
    """Return the newest state of each limit by account, the fullest first.

    :param found: readings in order of time.
    """
    groups: dict[tuple[str, str, str], list[LimitReading]] = {}
    for reading in found:
        groups.setdefault((reading.provider, reading.account, reading.name), []).append(reading)
    listed = [_state(group, now_ms) for group in groups.values()]
    _bind(listed)
    return sorted(listed, key=lambda each: (not each["binding"], -(each["used"] or 0.0), each["name"]))


def _state(group: Sequence[LimitReading], now_ms: int) -> dict[str, Any]:
    last = max(group, key=lambda reading: reading.at_ms)
    over = _is_over(last, now_ms)
    stale = over or (last.window_s == 60 and now_ms - last.at_ms > _FRESH_MS)
    doubtful = not over and _doubtful(last)
    return {
        "account": last.account,
        "provider": last.provider,
        "name": last.name,
        "state": "reset, not measured since" if stale else "doubtful" if doubtful else last.status or "measured",
        "used": None if stale else round(last.used, 4),
        "last_used": round(last.used, 4),
        "limit": last.limit,
        "remaining": None if stale else last.remaining,
        "window_s": last.window_s,
        "resets_at": None if last.reset_ms is None else moment(last.reset_ms),
        "measured_at": moment(last.at_ms),
        "age_s": round((now_ms - last.at_ms) / 1000),
        "binding": last.binding and not stale,
        "session_id": last.session_id,
        "seq": last.seq,
        **(_no_forecast() if stale or doubtful else _forecast(group, last, now_ms)),
    }


def _is_over(last: LimitReading, now_ms: int) -> bool:
    """Whether the window of a reading has ended: where no time of its reset is given, after its whole length."""
    if last.reset_ms is not None:
        return last.reset_ms <= now_ms
    return bool(last.window_s and last.window_s > 60 and last.at_ms + last.window_s * 1000 <= now_ms)


def _doubtful(last: LimitReading) -> bool:
    """Whether a window shows the fill of the previous one, which happens right after a reset."""
    if last.reset_ms is None or not last.window_s or last.window_s <= 60:
        return False
    begun = last.reset_ms - last.window_s * 1000
    return last.used >= _FULL and last.at_ms - begun < _YOUNG_MS


def _no_forecast() -> dict[str, Any]:
    return {"per_hour": None, "reached_from": None, "reached_to": None, "reached_before_reset": None}


def _forecast(group: Sequence[LimitReading], last: LimitReading, now_ms: int) -> dict[str, Any]:
    """Draw a line through the readings of this window."""
    same = _thinned([reading for reading in group if _same_window(reading, last)])
    if len(same) < _READINGS or same[-1].at_ms - same[0].at_ms < _SPAN_MS or (last.window_s or 0) <= 60:
        return _no_forecast()
    slope, error = _slope([(reading.at_ms / 3.6e6, reading.used) for reading in same])
    left = max(1 - last.used, 0.0)
    fast, slow = slope + 2 * error, slope - 2 * error
    soonest = _reached(last.at_ms, left, fast)
    latest = _reached(last.at_ms, left, slow)
    before = None if last.reset_ms is None else soonest is not None and soonest < last.reset_ms
    return {
        "per_hour": round(slope, 5),
        "reached_from": moment(soonest) if soonest and before is not False else None,
        "reached_to": moment(latest) if latest and before is not False else None,
        "reached_before_reset": before,
    }


def _thinned(found: Sequence[LimitReading]) -> Sequence[LimitReading]:
    """Return readings spread over all of them: neighbours say the same, and thousands make no better line."""
    return found[:: len(found) // _POINTS + 1] if len(found) > _POINTS else found


def _same_window(reading: LimitReading, last: LimitReading) -> bool:
    return last.reset_ms is None or reading.reset_ms is None or abs(reading.reset_ms - last.reset_ms) < 120_000


def _reached(at_ms: int, left: float, per_hour: float) -> int | None:
    return at_ms + round(left / per_hour * 3.6e6) if per_hour > 1e-9 and left / per_hour < 24 * 60 else None


def _slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the slope of the line of least squares, and its standard error."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return slope, math.sqrt(off / max(count - 2, 1) / spread)


def _bind(listed: list[dict[str, Any]]) -> None:
    """Mark the limit that blocks: one that is full binds its account before any that the provider names."""
    accounts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in listed:
        accounts.setdefault((each["provider"], each["account"]), []).append(each)
    for group in accounts.values():
        known = [each for each in group if each["used"] is not None]
        full = [each for each in known if each["used"] >= 1.0]
        named = [each for each in known if each["binding"]]
        chosen = max(full, key=lambda each: each["resets_at"] or "", default=None) or next(iter(named), None)
        chosen = chosen or max(known, key=lambda each: each["used"], default=None)
        for each in group:
            each["binding"] = each is chosen
