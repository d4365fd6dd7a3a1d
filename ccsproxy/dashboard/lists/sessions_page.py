"""The list of sessions: what each was about, where, with which models, and at what cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.figures import cents
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.lists.columns import Column, Order, chooser, heads
from ccsproxy.dashboard.lists.newcomer import newcomer
from ccsproxy.dashboard.lists.questions import pieces_of
from ccsproxy.dashboard.lists.sessions_view import (
    ROWS,
    USUAL,
    SessionRow,
    clean_filters,
    order_of,
    page_address,
    query_of,
    row_of_session,
)
from ccsproxy.dashboard.lists.sums import sums_line
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.beside import selected_session
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.unknown import unknown_values

COLUMNS = (
    Column("time", "Last activity", "active", fixed=True),
    Column("what", "Session", "title", rising=True, fixed=True),
    Column("project", "Project", "cwd", rising=True),
    Column("model", "Models", "model", rising=True),
    Column("requests", "Calls", "calls", number=True),
    Column("errors", "Errors", "errors", number=True),
    Column("prompt", "Prompts", "in", number=True, hint="all prompts: cached and new"),
    Column("cached", "Cached", "cached", number=True, hint="the share of the prompts that was read from the cache"),
    Column("fresh", "New", "new", number=True, hint="what was not read from the cache"),
    Column("output", "Output", "out", number=True),
    Column("duration", "Duration", "duration", number=True),
    Column("cost", "Cost", "cost", number=True),
)
FILTERS = (("model", "Model"), ("upstream", "Upstream"), ("client", "Client"), ("cwd", "Directory"))
#: How many values a filter offers.
OFFERED = 200


def sessions_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Build the page.

    :param given: the query of the address: filters, ``q`` in the query language for sessions with such calls,
        ``sort``, ``page`` from 1, and ``sel``, the session shown beside the list.
    :raises QueryError: if the query cannot be parsed.
    """
    filters = clean_filters(given)
    query = query_of(given, _among(reader, given.get("q", "")))
    found = reader.sessions(query)
    rows = [row_of_session(each) for each in found[:ROWS]]
    narrowed = any(name != "sort" for name in filters) or query.offset > 0
    totals = reader.session_totals(query)
    body = [
        h.div(
            h.h1("Sessions"),
            sums_line(totals, totals.get("sessions", 0)) if rows or narrowed else None,
            class_="head",
        ),
        h.div(
            _chips(filters),
            h.div(_form(filters, reader.meta()), chooser(COLUMNS, "sessions"), class_="choices"),
            class_="tools",
        )
        if rows or narrowed
        else None,
        _none(narrowed, service, _unknown(reader, filters)) if not rows else _table(rows, filters, order_of(given)),
        _pager(filters, query.offset // ROWS + 1, len(found) > ROWS),
    ]
    return Page(
        "Sessions",
        [each for each in body if each is not None],
        "sessions",
        "sessions",
        scripts=["sessions.js"],
        styles=["sessions.css"],
        beside=selected_session(reader, given, service),
        query={name: value for name, value in filters.items() if name != "sort"},
    )


def _chips(filters: Mapping[str, str]) -> Any:
    """Show how the query was understood, each piece with a link that removes it."""
    items = [
        h.li(
            piece,
            " ",
            h.a(
                "×",
                href=address.sessions(**{**filters, "q": rest}),
                aria_label=f"Remove filter {piece}",
                class_="remove",
            ),
        )
        for piece, rest in pieces_of(filters.get("q", ""))
    ]
    return h.ul(items, class_="chips", aria_label="Filters that are set", data_testid="chips") if items else None


def _among(reader: Reader, q: str) -> tuple[str, ...] | None:
    """Return the sessions with calls that match a query; None for all sessions."""
    if not q.strip():
        return None
    return tuple(str(each["name"]) for each in reader.costs(parse_query({"q": q}), "session") if each["name"])


def _form(filters: Mapping[str, str], values: Mapping[str, Sequence[Any]]) -> Any:
    fields = [_choice(name, title, filters.get(name, ""), values.get(name, ())) for name, title in FILTERS]
    kept = [h.input(type="hidden", name=name, value=filters[name]) for name in ("q", "sort") if filters.get(name)]
    clear = h.a("Clear", href="/sessions", class_="button plain") if filters else None
    return h.details(
        h.summary("Filters", h.span(f" {len(filters)}", class_="count") if filters else None),
        h.form(
            kept,
            fields,
            h.p(h.button("Apply", type="submit"), clear, class_="actions"),
            action="/sessions",
            method="get",
            class_="session-filters",
            aria_label="Filter sessions",
            data_testid="session-filters",
        ),
        class_="filters",
        open=any(name not in ("q", "sort") for name in filters),
    )


def _choice(name: str, title: str, chosen: str, values: Sequence[Any]) -> Any:
    offered = [str(value) for value in values[:OFFERED]]
    if chosen and chosen not in offered:
        offered.insert(0, chosen)
    options = [h.option("any", value="")]
    options += [h.option(value, value=value, selected=value == chosen) for value in offered]
    control = h.select(options, id=f"filter-{name}", name=name)
    return h.div(h.label(title, for_=f"filter-{name}"), control, class_="field")


def _table(rows: Sequence[SessionRow], filters: Mapping[str, str], order: Order) -> Any:
    def link(other: Order) -> str:
        return address.sessions(**{**filters, "sort": "" if other == USUAL else other.written})

    table = h.table(
        element("caption", "Sessions", class_="hidden-label"),
        heads(COLUMNS, order, link),
        h.tbody([_row(row) for row in rows], id="rows"),
        class_="rows stack list-sessions",
    )
    return h.div(table, class_="scroll", id="sessions", data_testid="sessions")


def _row(row: SessionRow) -> Any:
    running = h.span(" in flight", class_="badge run") if row.in_flight else None
    errors = "num errors bad-figure" if row.errors else "num errors muted"
    return h.tr(
        h.td(moment_of(row.active_at), running, class_="time"),
        h.td(
            h.span(row.client, class_="client"),
            h.a(row.title, href=address.session(row.sid), class_="open", title=row.title),
            class_="what",
        ),
        h.td(row.project, class_="project data", title=row.cwd or None),
        h.td(row.models, class_="model data", title=row.models),
        h.td(row.requests, class_="num requests", data_label="calls"),
        h.td(row.errors or "0", class_=errors, data_label="errors"),
        h.td(row.prompt, class_="num prompt", data_label="prompts"),
        h.td(
            row.cached,
            h.meter(value=f"{row.share or 0:.3f}", max="1", aria_hidden="true", class_="share"),
            class_="num cached",
            data_label="cached",
        ),
        h.td(row.fresh, class_="num fresh", data_label="new"),
        h.td(row.output, class_="num output", data_label="out"),
        h.td(row.duration, class_="num duration", data_label="took"),
        h.td(row.cost, class_=" ".join(filter(None, ("num cost", cents(row.cost))))),
        class_="row session run" if row.in_flight else "row session",
        data_key=row.sid,
        data_testid="session-row",
    )


def _unknown(reader: Reader, filters: Mapping[str, str]) -> list[str]:
    names = (*(name for name, _ in FILTERS), "q")
    return unknown_values(parse_query({name: filters.get(name, "") for name in names}), reader.meta())


def _none(narrowed: bool, service: Service, unknown: Sequence[str]) -> Any:
    if not narrowed:
        return newcomer(service.proxies, service.upstreams)
    reasons = [f"{'; ' if place else ': '}{each}" for place, each in enumerate(unknown)]
    return h.p("No session passes these filters", reasons, ". ", h.a("Show all", href="/sessions"), class_="nothing")


def _pager(filters: Mapping[str, str], number: int, more: bool) -> Any:
    links = []
    if number > 1:
        links.append(h.a("Newer", href=page_address(filters, number - 1), class_="button plain", rel="prev"))
    if more:
        links.append(h.a("Older", href=page_address(filters, number + 1), class_="button plain", rel="next"))
    return h.nav(links, class_="pager", aria_label="Pages") if links else None
