"""The tables of the overview: spending by project, client, model and more, and errors by cause."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import table
from ccsproxy.dashboard.html.markup import h
from ccsproxy.insight.words import seconds
from ccsproxy.store.reader.aggregates.costs import PARTS

#: The criteria of a table, their names, and the field of the query language that leads to the calls.
BY: Mapping[str, tuple[str, str]] = {
    "project": ("Project", "cwd"),
    "client": ("Client", "client"),
    "account": ("Account", "account"),
    "model": ("Model", "model"),
    "upstream": ("Upstream", "upstream"),
    "tool": ("Tool", "tool"),
    "server": ("MCP server", ""),
    "kind": ("Part of the prompt", ""),
    "agent": ("Sub-agent", "agent"),
    "day": ("Day", ""),
    "person": ("Person", "user"),
    "team": ("Team", "team"),
    "host": ("Host", "host"),
}
ROWS, MISSED = 100, 12
_MISSED = ("Session", "Why", "Misses", "Cost")
_STALLS = ("Model", "Calls", "Stalls", "Time lost", "Longest", "The worst")


def offered(groups: Sequence[str]) -> Sequence[str]:
    """Return the members of `BY` that can be shown: people are known only where the calls of many are collected."""
    return [name for name in BY if name in groups or name in PARTS]


def split_table(by: str, found: Mapping[str, Any], links: Mapping[str, str], since: str) -> Any:
    """Show the cost split by one member of `BY`.

    :param found: as returned by `Insights.cost_rows`.
    :param links: the address of the table for each criterion.
    :param since: a field of the query language for the same period, or empty.
    """
    chosen = h.nav(
        [h.a(BY[name][0], href=link, aria_current="page" if name == by else None) for name, link in links.items()],
        class_="by",
        aria_label="Split by",
    )
    rows = found["rows"]
    left, sessions = len(rows) - ROWS, found.get("sessions_left_out") or 0
    parts = by in PARTS
    return h.section(
        h.h2("What it was spent on"),
        chosen,
        _table(by, rows[:ROWS], since, parts) if rows else h.p("Nothing in this time.", class_="nothing"),
        h.p(f"{figures.plural(left, 'more row')} not shown.", class_="note") if left > 0 else None,
        h.p(f"{figures.plural(sessions, 'older session')} not looked through.", class_="note") if sessions else None,
        class_="part",
        id="split",
        data_testid="split",
    )


def _table(by: str, rows: Sequence[Mapping[str, Any]], since: str, parts: bool) -> Any:
    title = BY[by][0]
    heads = (title, "Cost", "Sent", "Times sent") if parts else _heads(title)
    most = max((row["cost"] or 0.0 for row in rows), default=0.0) or 1.0
    written = [_part_row(row, most) if parts else _row(by, row, since, most) for row in rows]
    return table(f"By {title.lower()}", heads, written, heads[1:])


def _heads(title: str) -> tuple[str, ...]:
    return (title, "Cost", "Calls", "Errors", "Prompts", "Cached", "New", "Output", "Model time")


def _row(by: str, row: Mapping[str, Any], since: str, most: float) -> Any:
    name, whole = row["name"], row["prompt_tokens"]
    read = row["cache_read_input_tokens"]
    errors = row["errors"] or 0
    return h.tr(
        h.th(_name(by, name, since), scope="row"),
        h.td(_bar(row["cost"], most), figures.total(row["cost"], row["unpriced"]), class_="num barred"),
        h.td(figures.exact(row["requests"]), class_="num"),
        h.td(h.span(figures.exact(errors), class_="bad-figure") if errors else "0", class_="num"),
        h.td(figures.tokens(whole), class_="num"),
        h.td(figures.percent(read, whole), class_="num"),
        h.td(figures.tokens(None if whole is None else whole - (read or 0)), class_="num"),
        h.td(figures.tokens(row["output_tokens"]), class_="num"),
        h.td(figures.duration(None if row["seconds"] is None else row["seconds"] * 1000), class_="num"),
    )


def _part_row(row: Mapping[str, Any], most: float) -> Any:
    return h.tr(
        # Kinds of parts are our own words; names such as mcp__server__tool are shown unchanged.
        h.th(str(row["name"]).replace("_", " ") if "__" not in str(row["name"]) else str(row["name"]), scope="row"),
        h.td(_bar(row["cost"], most), f"~{figures.total(row['cost'], row['unpriced'])}", class_="num barred"),
        h.td(f"~{figures.tokens(row['tokens_sent'])}", class_="num"),
        h.td(figures.exact(row["requests"]), class_="num"),
    )


def _bar(cost: float | None, most: float) -> Any:
    return h.meter(value=f"{(cost or 0.0) / most:.4f}", max="1", aria_hidden="true", class_="share")


def _name(by: str, name: Any, since: str) -> Any:
    if not name:
        return h.span("not known", class_="muted")
    text, field = str(name), BY[by][1]
    if by == "day":
        return h.a(text, href=address.requests(q=f"since:{text}T00:00:00 until:{text}T23:59:59"))
    # The query language has no escape for a quote, so that no link could name this value.
    if not field or '"' in text:
        return h.span(text, class_="data")
    value = f'"{text}"' if any(letter.isspace() or letter == "," for letter in text) else text
    return h.a(text, href=address.requests(q=f"{field}:{value} {since}".strip()), class_="data")


def errors_table(found: Mapping[str, Any]) -> Any:
    """Show errors by cause, with how many were followed by a successful retry and the time they cost."""
    rows = found["rows"]
    if not rows:
        return None
    heads = ("Cause", "Calls", "Recovered by a retry", "Time lost", "Newest")
    written = [
        h.tr(
            h.th(row["cause"], scope="row"),
            h.td(figures.exact(row["calls"]), class_="num"),
            h.td(figures.exact(row["recovered"]), class_="num"),
            h.td(figures.duration(row["seconds"] * 1000) if row["seconds"] else "", class_="num"),
            h.td(h.a(f"call {row['last'][1]}", href=address.exchange(*row["last"]))),
        )
        for row in rows[:ROWS]
    ]
    return h.section(
        h.h2("Errors by cause"),
        table("Errors by cause", heads, written, heads[1:4]),
        h.p(f"Retries of {figures.plural(found['left_out'], 'older session')} were not looked for.", class_="note")
        if found["left_out"]
        else None,
        class_="part",
        id="errors",
        data_testid="errors",
    )


def missed_table(missed: Sequence[Mapping[str, Any]]) -> Any:
    """Show what cache misses cost, session by session, and their causes.

    :param missed: the findings about cache misses.
    """
    ranked = sorted(missed, key=lambda each: -(each["cost"] or 0.0))[:MISSED]
    rows = [
        h.tr(
            h.th(h.a(str(each.get("title") or each["session_id"]), href=address.session(str(each["session_id"])))),
            h.td(str(each["text"]).partition(": ")[2] or str(each["text"]), class_="wide-text"),
            h.td(figures.exact(len(each.get("links") or ())), class_="num"),
            h.td(figures.dollars(each["cost"]), class_="num"),
        )
        for each in ranked
    ]
    return [
        table("Cache misses by session", _MISSED, rows, _MISSED[2:]),
        h.p(f"{figures.plural(len(missed) - len(ranked), 'further session')}.", class_="muted")
        if len(missed) > len(ranked)
        else None,
    ]


def stalls_table(found: Mapping[str, Any]) -> Any:
    """Show the silences within answers by model: who caused them, how many, how long; empty if there were none.

    :param found: as returned by `Insights.stalls`.
    """
    rows = [
        h.tr(
            h.th(h.span(str(row["model"] or "no model"), class_="data"), scope="row"),
            h.td(figures.exact(row["calls"]), class_="num"),
            h.td(figures.exact(row["stalls"]), class_="num"),
            h.td(seconds(row["seconds"]), class_="num"),
            h.td(seconds(row["longest_s"]), class_="num"),
            h.td(h.a(f"call {row['worst']['seq']}", href=address.exchange(*row["worst"].values()))),
        )
        for row in found["rows"][:ROWS]
    ]
    if not rows:
        return None
    return h.section(
        h.h2("Stalls"),
        h.p(
            f"Silences of at least {found['least_s']:g} s inside an answer: {figures.exact(found['stalls'])} at the "
            f"provider, {seconds(found['seconds'])} together; {figures.exact(found['here'])} here.",
            class_="told",
        ),
        table("Stalls by model", _STALLS, rows, _STALLS[1:5]),
        class_="part",
        id="stalls",
        data_testid="stalls",
    )
