"""Lists of names and values, with buttons to copy what is worth copying."""

from collections.abc import Iterable
from typing import Any

from ccsproxy.dashboard.html.figures import UNKNOWN
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.lists.newcomer import copy_button

Fact = tuple[str, Any]


def facts(given: Iterable[Fact]) -> Any:
    """Show facts; those without a value are left out."""
    rows = [[h.dt(name), h.dd(value)] for name, value in given if value not in (None, "")]
    return h.dl(rows, class_="facts") if rows else h.p("nothing known", class_="muted")


def copied(name: str, value: Any) -> Fact:
    """Make a fact that can be copied."""
    text = "" if value is None else str(value)
    return name, [h.span(text, class_="data"), copy_button(text, name.lower())] if text else None


def tiles(given: Iterable[Fact]) -> Any:
    """Show the few figures that matter most; unknown ones as a dash."""
    # Unlike facts, which are left out: tiles stand in a row whose order people learn.
    shown = [h.div(h.dt(name), h.dd(UNKNOWN if value in (None, "") else value)) for name, value in given]
    return h.dl(shown, class_="tiles")


def panel(title: str, *content: Any, **attributes: Any) -> Any:
    """Show a part of a page under a heading."""
    return h.section(h.h2(title), *content, class_="panel", **attributes)
