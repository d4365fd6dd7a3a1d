"""Numbers, times and sizes in readable form; an unknown value is a dash, never a zero."""

import re
from datetime import datetime

from ccsproxy.insight.words import seconds, times, tokens
from ccsproxy.providers.amounts import UNKNOWN, dollars, lacking, total

__all__ = ["UNKNOWN", "dollars", "lacking", "times", "tokens", "total"]


def exact(count: float | None) -> str:
    """Format an integer in full."""
    return UNKNOWN if count is None else f"{count:,.0f}"


def duration(ms: float | None) -> str:
    """Write a duration given in milliseconds."""
    if ms is None:
        return UNKNOWN
    # Rounded, more than this would read 1000 ms, and more than the next bound 60.0 s.
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    return seconds(round(ms / 1000))


def size(count: float | None) -> str:
    """Write a number of bytes."""
    if count is None:
        return UNKNOWN
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def share(part: float | None, whole: float | None) -> str:
    """Format a part of a total as a percentage."""
    return UNKNOWN if part is None or not whole else f"{100 * part / whole:.1f} %"


def percent(part: float | None, whole: float | None) -> str:
    """Format a part of a total in whole percent; values just below 100 % or above 0 % are shown as such."""
    if part is None or not whole:
        return UNKNOWN
    exact_part = 100 * part / whole
    if 0 < exact_part < 1:
        return "<1 %"
    return ">99 %" if 99.5 <= exact_part < 100 else f"{exact_part:.0f} %"


def cents(amount: str) -> str | None:
    """Return the CSS class that aligns amounts with two decimals to those with four; None for others."""
    return "cents" if re.search(r"\.\d\d\Z", amount) else None


def moment(when: str | None) -> datetime | None:
    """Parse a time in a record; None if it is not one."""
    try:
        return datetime.fromisoformat(when) if when else None
    except ValueError:
        return None


def clock(when: str | None) -> str:
    """Write the time of day, UTC."""
    at = moment(when)
    return UNKNOWN if at is None else at.strftime("%H:%M:%S")


def day(when: str | None) -> str:
    """Write the day, UTC."""
    at = moment(when)
    return UNKNOWN if at is None else at.strftime("%-d %b")


def stamp(when: str | None) -> str:
    """Write day and time, UTC."""
    at = moment(when)
    return UNKNOWN if at is None else at.strftime("%-d %b %Y, %H:%M:%S UTC")


def plural(count: int | None, one: str, many: str = "") -> str:
    """Write a count with its noun."""
    return f"{exact(count)} {one if count == 1 else many or one + 's'}"


def clipped(text: str, most: int) -> str:
    """Shorten a text to one line with a maximum length."""
    line = " ".join(text[: most * 2].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
