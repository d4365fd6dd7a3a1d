"""Times on pages: written in UTC, and shown in the reader's own time zone where scripts run."""

from typing import Any

from ccsproxy.dashboard.html.figures import clock, day, stamp
from ccsproxy.dashboard.html.markup import element, h


def moment_of(when: str) -> Any:
    """Show a time, which a script converts to the reader's time zone."""
    return element("time", h.span(day(when), class_="day"), " ", clock(when), datetime=when or None, title=f"{when}")


def dated(when: str | None) -> Any:
    """Show a time in a sentence, where no other tells the zone; the script writes it in the reader's own."""
    return element("time", stamp(when), datetime=when or None)


def until(when: str, since: str) -> Any:
    """Show the end of a time, without the day if it is that of the beginning."""
    shown = clock(when) if day(when) == day(since) else [h.span(day(when), class_="day"), " ", clock(when)]
    return element("time", shown, datetime=when or None, title=when, data_since=since or None)
