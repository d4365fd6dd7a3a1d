"""Limits and budgets: how full they are, until when, and when they will be reached at the current rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard.html.facts import table
from ccsproxy.dashboard.html.figures import UNKNOWN, dollars, percent, total
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of

#: Rows of the table of limits.
ROWS = 40
_LIMITS = ("Limit", "Account", "Used", "Resets", "At this rate", "Measured")
_BUDGETS = ("Budget", "Spent", "Limit")


def limits_panel(found: Sequence[Mapping[str, Any]]) -> Any:
    """Show the state of limits by account; None if no header reported any."""
    if not found:
        return None
    rows = [_limit(each) for each in found[:ROWS]]
    return h.section(h.h2("Limits"), table("Limits", _LIMITS, rows, stacked=True), class_="part", id="limits")


def _limit(each: Mapping[str, Any]) -> Any:
    used = each["used"]
    # Calls in progress when a limit is reached are still served, so usage may exceed 100 %; a meter ends at its
    # maximum.
    fill = h.meter(value=str(min(used, 1.0)), max="1", aria_hidden="true") if used is not None else None
    state = None if each["state"] == "measured" else h.span(f" {each['state']}", class_="muted")
    return h.tr(
        h.th(f"{each['provider']} {each['name']}", h.span(" binding", class_="muted") if each["binding"] else None),
        h.td(str(each["account"] or "")),
        h.td([fill, f" {percent(used, 1)}"] if used is not None else UNKNOWN, state),
        h.td(moment_of(each["resets_at"]) if each["resets_at"] else "–"),
        h.td(_forecast(each)),
        h.td(moment_of(each["measured_at"])),
    )


def _forecast(each: Mapping[str, Any]) -> Any:
    """Show when a limit will be reached at this rate; a dash if there are too few readings."""
    if each["reached_before_reset"] is None:
        return UNKNOWN
    if not each["reached_before_reset"]:
        return "lasts until it resets"
    return ["full ", moment_of(str(each["reached_from"])), " to ", _latest(each["reached_to"])]


def _latest(reached: str | None) -> Any:
    return moment_of(reached) if reached else "later"


def budgets_panel(found: Sequence[Mapping[str, Any]]) -> Any:
    """Show spending against budgets; None if none is set."""
    if not found:
        return None
    rows = [_budget(each) for each in found]
    return h.section(h.h2("Budgets"), table("Budgets", _BUDGETS, rows, _BUDGETS[1:]), class_="part", id="budgets")


def _budget(each: Mapping[str, Any]) -> Any:
    spent, limit = each.get("spent"), each.get("limit")
    share = min((spent or 0.0) / limit, 1.0) if limit else 0.0
    over = "num barred bad-figure" if limit and (spent or 0.0) >= limit else "num barred"
    return h.tr(
        h.th(str(each.get("scope")), scope="row"),
        h.td(
            h.meter(value=f"{share:.4f}", max="1", aria_hidden="true"),
            total(spent, each.get("unpriced")),
            class_=over,
        ),
        h.td(dollars(limit), class_="num"),
    )
