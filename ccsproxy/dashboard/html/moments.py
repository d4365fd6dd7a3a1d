"""Times on pages: written in UTC, and shown in the reader's own time zone where scripts run."""

from typing import Any

from ccsproxy.dashboard.html.figures import clock, day
from ccsproxy.dashboard.html.markup import element, h


def moment_of(when: str) -> Any:
    """Show a time, which a script converts to the reader's time zone."""
    return element("time", h.span(day(when), class_="day"), " ", clock(when), datetime=when or None, title=f"{when}")
