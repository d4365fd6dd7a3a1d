"""The tables of the overview: what was spent by project, client, model and more, and errors by their cause."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.store.reader.sums.costs import PARTS

#: What a table may be by, how it is called, and the field of the query language that leads to its calls.
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
ROWS = 100


def offered(groups: Sequence[str]) -> Sequence[str]:
    """Return those of `BY` that can be shown: who it was is known where many people's calls are."""
    return [name for name in BY if name in groups or name in PARTS]


def split_table(by: str, found: Mapping[str, Any], links: Mapping[str, str], since: str) -> Any:
    """Show what was spent by one of `BY`.

    :param found: what `Insights.costs` says.
    :param links: the address of the table by each that is offered.
    :param since: a field of the query language for the same time, or nothing.
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
    head = [h.th(name, scope="col", class_=None if at == 0 else "num") for at, name in enumerate(heads)]
    return _scrolled(f"By {title.lower()}", h.thead(h.tr(head)), written)


def _heads(title: str) -> tuple[str, ...]:
    return (title, "Cost", "Calls", "Errors", "Prompts", "Cached", "New", "Output", "Model time")


def _row(by: str, row: Mapping[str, Any], since: str, most: float) -> Any:
    name, whole = row["name"], row["prompt_tokens"]
    read = row["cache_read_input_tokens"]
    errors = row["errors"] or 0
    return h.tr(
        h.th(_name(by, name, since), scope="row"),
        h.td(_bar(row["cost"], most), figures.total(row["cost"], row["unpriced"]), class_="num"),
        h.td(figures.exact(row["requests"]), class_="num"),
        h.td(h.span(figures.exact(errors), class_="bad-figure") if errors else "0", class_="num"),
        h.td(figures.tokens(whole), class_="num"),
        h.td(figures.percent(read, whole), class_="num"),
        h.td(figures.tokens(whole - (read or 0)), class_="num"),
        h.td(figures.tokens(row["output_tokens"]), class_="num"),
        h.td(figures.duration(None if row["seconds"] is None else row["seconds"] * 1000), class_="num"),
    )


def _part_row(row: Mapping[str, Any], most: float) -> Any:
    return h.tr(
        # Kinds of parts are words of ours; names such as mcp__server__tool are others' and stay as they are.
        h.th(str(row["name"]).replace("_", " ") if "__" not in str(row["name"]) else str(row["name"]), scope="row"),
        h.td(_bar(row["cost"], most), f"~{figures.total(row['cost'], row['unpriced'])}", class_="num"),
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
    """Show errors by their cause, with how many a retry made good and what they cost in time."""
    rows = found["rows"]
    if not rows:
        return None
    heads = ("Cause", "Calls", "Made good by a retry", "Time lost", "The newest")
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
    head = [h.th(name, scope="col", class_="num" if name in heads[1:4] else None) for name in heads]
    return h.section(
        h.h2("Errors by cause"),
        _scrolled("Errors by cause", h.thead(h.tr(head)), written),
        h.p(f"Retries of {figures.plural(found['left_out'], 'older session')} were not looked for.", class_="note")
        if found["left_out"]
        else None,
        class_="part",
        id="errors",
        data_testid="errors",
    )


def _scrolled(caption: str, head: Any, rows: Sequence[Any]) -> Any:
    return h.div(
        h.table(element("caption", caption, class_="hidden-label"), head, h.tbody(rows), class_="rows"),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=caption,
    )
