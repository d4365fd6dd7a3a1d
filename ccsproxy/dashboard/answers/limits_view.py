"""Limits and budgets: how full, until when, and when they will be reached at this rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard.html.facts import panel
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.insight.words import dollars

#: Rows of the table of limits.
ROWS = 40


def limits_panel(found: Sequence[Mapping[str, Any]]) -> Any:
    """Show the state of limits by account; None where no header has told of one."""
    if not found:
        return None
    heads = ("Limit", "Account", "Used", "Begins anew", "Reached at this rate", "Measured")
    head = h.thead(h.tr([h.th(name, scope="col") for name in heads]))
    table = h.table(head, h.tbody([_limit(each) for each in found[:ROWS]]))
    return panel("Limits", _scrolled(table, "Limits"), id="limits")


def _scrolled(table: Any, name: str) -> Any:
    """Let a table scroll by itself where a page is narrower than it."""
    return h.div(table, class_="scroll-in", tabindex="0", role="group", aria_label=name)


def _limit(each: Mapping[str, Any]) -> Any:
    used = each["used"]
    fill = (
        # What was under way at the limit is served, so that more than all may be used; a meter ends at its maximum.
        [f"{used:.0%} ", h.meter(value=str(min(used, 1.0)), max="1", aria_hidden="true")] if used is not None else "–"
    )
    reached = each.get("reached_at")
    return h.tr(
        h.th(f"{each['provider']} {each['name']}", h.span(" binding", class_="muted") if each["binding"] else None),
        h.td(str(each["account"] or "")),
        h.td(fill, h.span(f" {each['state']}", class_="muted")),
        h.td(moment_of(each["resets_at"]) if each["resets_at"] else "–"),
        h.td(moment_of(str(reached)) if reached else "not before that"),
        h.td(moment_of(each["measured_at"])),
    )


def budgets_panel(found: Sequence[Mapping[str, Any]]) -> Any:
    """Show spend against budgets; None where none was set."""
    if not found:
        return None
    rows = [
        h.tr(
            h.th(str(each.get("scope")), scope="row"),
            h.td(dollars(each.get("spent")), class_="figure"),
            h.td(dollars(each.get("limit")), class_="figure"),
        )
        for each in found
    ]
    head = h.thead(h.tr([h.th(name, scope="col") for name in ("Budget", "Spent", "Limit")]))
    return panel("Budgets", _scrolled(h.table(head, h.tbody(rows)), "Budgets"), id="budgets")
