"""Readings of rate limits and subscription windows from each provider's headers.

Anthropic gives fractions, Codex percentages. Codex identifies a window only by its length in minutes, and a window of
0 minutes is empty. A window whose reset time has passed has no value until the next reading.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attr

from ccsproxy.insight.facts import Call

_UNIFIED = "anthropic-ratelimit-unified-"
_WINDOWS_S = {"5h": 18000, "7d": 604800, "7d_oi": 604800, "7d_opus": 604800, "7d_sonnet": 604800, "overage": None}
_CLAIMS = {"five_hour": "5h", "seven_day": "7d", "seven_day_opus": "7d_opus", "seven_day_sonnet": "7d_sonnet",
           "seven_day_overage_included": "7d_oi", "overage": "overage"}  # fmt: skip
_CLASSIC = re.compile(r"anthropic-(ratelimit|fast|priority)-(requests|tokens|input-tokens|output-tokens)-limit\Z")
_OPENAI = re.compile(r"x-ratelimit-limit-([a-z-]+)\Z")
_CODEX = re.compile(r"x-codex-(.*?)(primary|secondary)-used-percent\Z")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@attr.frozen
class LimitReading:
    """What one response reports about one limit.

    :ivar used: fraction of the limit, which may exceed 1.
    :ivar window_s: length of the window; None if not given.
    :ivar reset_ms: when it resets, milliseconds since the epoch.
    :ivar binding: whether the provider names it as the limit that applies.
    """

    account: str
    provider: str
    name: str
    used: float
    at_ms: int
    session_id: str
    seq: int
    window_s: float | None = None
    reset_ms: int | None = None
    limit: float | None = None
    remaining: float | None = None
    status: str = ""
    binding: bool = False


def readings(calls: Iterable[Call]) -> Iterator[LimitReading]:
    """Yield the readings in the responses of calls, in their order."""
    for call in calls:
        if call.limits:
            yield from _readings(call)


def _readings(call: Call) -> Iterator[LimitReading]:
    headers = dict(call.limits)
    at_ms = int(call.started_ms + (call.answering_ms or 0.0))
    account = (
        call.account
        or headers.get("anthropic-organization-id")
        or headers.get("openai-organization")
        or call.upstream
    )
    common: dict[str, Any] = {
        "account": account,
        "provider": call.upstream,
        "at_ms": at_ms,
        "session_id": call.session_id,
        "seq": call.seq,
    }
    for reader in (_unified, _classic, _openai, _codex):
        for found in reader(headers, at_ms):
            yield LimitReading(**common, **found)


def _unified(headers: Mapping[str, str], at_ms: int) -> Iterator[dict[str, Any]]:
    claim = _CLAIMS.get(headers.get(_UNIFIED + "representative-claim", ""), "")
    for name, value in headers.items():
        window = name.removeprefix(_UNIFIED).removesuffix("-utilization")
        if not (name.startswith(_UNIFIED) and name.endswith("-utilization")) or window not in _WINDOWS_S:
            continue
        used = _number(value)
        if used is not None:
            yield {
                "name": window, "used": used, "window_s": _WINDOWS_S[window],
                "reset_ms": _epoch_ms(headers.get(f"{_UNIFIED}{window}-reset")),
                "status": headers.get(f"{_UNIFIED}{window}-status", ""), "binding": window == claim,
            }  # fmt: skip


def _classic(headers: Mapping[str, str], at_ms: int) -> Iterator[dict[str, Any]]:
    for name, value in headers.items():
        match = _CLASSIC.match(name)
        if match:
            stem = name.removesuffix("limit")
            shown = match[2] if match[1] == "ratelimit" else f"{match[1]} {match[2]}"
            reset = _time_ms(headers.get(stem + "reset"))
            yield from _of_total(shown, value, headers.get(stem + "remaining"), reset, 60.0)


def _openai(headers: Mapping[str, str], at_ms: int) -> Iterator[dict[str, Any]]:
    for name, value in headers.items():
        match = _OPENAI.match(name)
        if match:
            span = _span_s(headers.get(f"x-ratelimit-reset-{match[1]}"))
            reset = None if span is None else at_ms + round(span * 1000)
            yield from _of_total(match[1], value, headers.get(f"x-ratelimit-remaining-{match[1]}"), reset, 60.0)


def _of_total(name: str, limit: str, left: str | None, reset: int | None, span: float) -> Iterator[dict[str, Any]]:
    """Convert a limit that is given as a total and a remainder; a total of 0 means that there is no such limit."""
    most, remaining = _number(limit), _number(left)
    if most and remaining is not None:
        yield {"name": name, "used": 1 - remaining / most, "limit": most, "remaining": remaining, "reset_ms": reset,
               "window_s": span}  # fmt: skip


def _codex(headers: Mapping[str, str], at_ms: int) -> Iterator[dict[str, Any]]:
    for name, value in headers.items():
        match = _CODEX.match(name)
        if not match:
            continue
        stem = name.removesuffix("used-percent")
        minutes, percent = _number(headers.get(stem + "window-minutes")), _number(value)
        if not minutes or percent is None:
            continue
        after = _number(headers.get(stem + "reset-after-seconds"))
        reset = _epoch_ms(headers.get(stem + "reset-at")) or (None if after is None else at_ms + round(after * 1000))
        yield {"name": (match[1].strip("-") + " " + _window_name(minutes)).strip(), "used": percent / 100,
               "window_s": minutes * 60, "reset_ms": reset}  # fmt: skip


def _window_name(minutes: float) -> str:
    for size, unit in ((1440.0, "d"), (60.0, "h")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes / size:.0f}{unit}"
    return f"{minutes:.0f}min"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _epoch_ms(text: str | None) -> int | None:
    seconds = _number(text)
    return round(seconds * 1000) if seconds and 1e9 < seconds < 1e11 else None


def _time_ms(text: str | None) -> int | None:
    try:
        return round(datetime.fromisoformat(text or "").timestamp() * 1000)
    except ValueError:
        return None


def _span_s(text: str | None) -> float | None:
    """Parse a duration such as ``6m0s`` or ``120ms``; OpenAI's reset header is a duration, not a time."""
    pieces = _DURATION.findall(text or "")
    return sum(float(number) * _UNITS_S[unit] for number, unit in pieces) if pieces else None
