"""The list of sessions: what each was about, where, with which models, and what it cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.lists.newcomer import newcomer
from ccsproxy.dashboard.lists.requests_page import moment_of
from ccsproxy.dashboard.lists.sessions_view import (
    ROWS,
    SessionRow,
    clean_filters,
    page_address,
    query_of,
    row_of_session,
)
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.reader import Reader

HEADS = (
    ("Last activity", "time"),
    ("Session", "what"),
    ("Models", "model"),
    ("Requests", "num requests"),
    ("Errors", "num errors"),
    ("Input", "num input"),
    ("Cached", "num cached"),
    ("Output", "num output"),
    ("Cost", "num cost"),
)
FILTERS = (("model", "Model"), ("upstream", "Upstream"), ("client", "Client"), ("cwd", "Directory"))
#: The most values that a list offers.
OFFERED = 200


def sessions_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page.

    :param given: the query of the address: filters, and ``page`` from 1.
    """
    filters, query = clean_filters(given), query_of(given)
    found = reader.sessions(query)
    rows = [row_of_session(each) for each in found[:ROWS]]
    first = query.offset == 0
    body = [
        h.div(h.h1("Sessions"), class_="head"),
        _form(filters, reader.meta()),
        _none(bool(filters) or not first, service) if not rows else _table(rows),
        _pager(filters, query.offset // ROWS + 1, len(found) > ROWS),
    ]
    return Page(
        "Sessions",
        [each for each in body if each is not None],
        "sessions",
        "sessions",
        back="/",
        styles=["sessions.css"],
    )


def _form(filters: Mapping[str, str], values: Mapping[str, Sequence[Any]]) -> Any:
    fields = [_choice(name, title, filters.get(name, ""), values.get(name, ())) for name, title in FILTERS]
    clear = h.a("Clear", href="/sessions", class_="button plain") if filters else None
    return h.form(
        fields,
        h.p(h.button("Apply", type="submit"), clear, class_="actions"),
        action="/sessions",
        method="get",
        class_="session-filters",
        aria_label="Filter sessions",
        data_testid="session-filters",
    )


def _choice(name: str, title: str, chosen: str, values: Sequence[Any]) -> Any:
    offered = [str(value) for value in values[:OFFERED]]
    if chosen and chosen not in offered:
        offered.insert(0, chosen)
    options = [h.option("any", value="")]
    options += [h.option(value, value=value, selected=value == chosen) for value in offered]
    control = h.select(options, id=f"filter-{name}", name=name)
    return h.div(h.label(title, for_=f"filter-{name}"), control, class_="field")


def _table(rows: Sequence[SessionRow]) -> Any:
    table = h.table(
        element("caption", "Sessions, the last begun first", class_="hidden-label"),
        h.thead(h.tr([h.th(title, scope="col", class_=name) for title, name in HEADS])),
        h.tbody([_row(row) for row in rows]),
        class_="rows stack",
    )
    return h.div(table, class_="scroll", data_testid="sessions")


def _row(row: SessionRow) -> Any:
    running = h.span(" in flight", class_="badge run") if row.in_flight else None
    errors = "num errors bad-figure" if row.errors else "num errors muted"
    return h.tr(
        h.td(moment_of(row.active_at), running, class_="time"),
        h.td(
            h.span(row.client, class_="client"),
            h.a(row.title, href=address.session(row.sid), class_="open", title=row.title),
            h.span(row.cwd, class_="cwd data") if row.cwd else None,
            class_="what",
        ),
        h.td(row.models, class_="model data", title=row.models),
        h.td(row.requests, class_="num requests", data_label="requests"),
        h.td(row.errors or "0", class_=errors, data_label="errors"),
        h.td(row.input, class_="num input", data_label="in"),
        h.td(row.cached, class_="num cached"),
        h.td(row.output, class_="num output", data_label="out"),
        h.td(row.cost, class_="num cost"),
        class_="row session run" if row.in_flight else "row session",
        data_testid="session-row",
    )


def _none(narrowed: bool, service: Service) -> Any:
    if not narrowed:
        return newcomer(service.proxies, service.upstreams)
    return h.p("No session passes these filters. ", h.a("Show all", href="/sessions"), class_="nothing")


def _pager(filters: Mapping[str, str], number: int, more: bool) -> Any:
    links = []
    if number > 1:
        links.append(h.a("Newer", href=page_address(filters, number - 1), class_="button plain", rel="prev"))
    if more:
        links.append(h.a("Older", href=page_address(filters, number + 1), class_="button plain", rel="next"))
    return h.nav(links, class_="pager", aria_label="Pages") if links else None
