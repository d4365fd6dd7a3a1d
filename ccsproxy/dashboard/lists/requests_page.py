"""The list of calls: calls in progress appear when they begin; the newest are first unless sorted otherwise."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard import address
from ccsproxy.dashboard.exchange.beside import selected_call
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.picture.svg import bars
from ccsproxy.dashboard.html.words import OUTCOMES
from ccsproxy.dashboard.lists.columns import Order, chooser
from ccsproxy.dashboard.lists.filters import NAMES, active, chips, filter_form
from ccsproxy.dashboard.lists.newcomer import newcomer, nothing_found
from ccsproxy.dashboard.lists.questions import order_of, sorted_by
from ccsproxy.dashboard.lists.requests_view import FOUND, ROWS, RowView, Strip, row_of, strips
from ccsproxy.dashboard.lists.rows import BLANK, COLUMNS, request_row, request_table, sorted_heads
from ccsproxy.dashboard.lists.sums import sums_line
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.query import Query, parse_query
from ccsproxy.store.reader.reader import Reader, RequestPage
from ccsproxy.store.unknown import unknown_values

USUAL = Order("time")


def requests_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Build the page.

    :param given: the query of the address; ``sel`` is the call shown beside the list, ``part=sums`` requests only the
        line of sums.
    :raises QueryError: if a filter cannot be parsed.
    """
    wanted = {name: value for name, value in given.items() if name in (*NAMES, "before", "offset")}
    query = parse_query({**wanted, "limit": str(ROWS)})
    if query.q:
        query = attr.evolve(query, limit=FOUND)
    filters = active(given)
    if given.get("part") == "sums":
        return Page("Sums", [_sums(reader, query, filters)], "sums", part=True)
    found = reader.requests(query)
    order = order_of(given.get("q", ""), USUAL)
    first = not given.get("before") and not query.offset
    empty = not found.items and not filters and first
    # The strips are drawn over time: in another order they would show a course that never was.
    drawn = _strips(strips(found.items) if order == USUAL else [])
    body = [
        h.div(h.h1("Calls"), None if empty else _sums_of(reader, query, given, filters), drawn, class_="head"),
        *([newcomer(service.proxies, service.upstreams)] if empty else _above_list(reader, query, given, found)),
        h.p(h.a("", href=address.requests(**filters)), id="newer", class_="newer", role="status", hidden=True),
        # The script inserts new calls at the top, which is their place only on the first page in the default order.
        _table([row_of(item) for item in found.items], given, order, query.q, live=first and order == USUAL),
        _pager(filters, query, found, first),
    ]
    return Page(
        "Calls",
        [part for part in body if part is not None],
        "requests",
        "requests",
        ["requests.js"],
        beside=selected_call(reader, given, service),
        query=filters,
        links=_keys(filters, query, found),
    )


def _above_list(reader: Reader, query: Query, given: Mapping[str, str], found: RequestPage) -> list[Any]:
    """Return the filters, and notes on a list that may be incomplete or is empty."""
    rebuilding = h.p("The index is being rebuilt; the list may lack records.", class_="note")
    return [
        _tools(reader, given),
        rebuilding if found.rebuilding else None,
        nothing_found(unknown_values(query, reader.meta())) if not found.items else None,
    ]


def _tools(reader: Reader, given: Mapping[str, str]) -> Any:
    """Show the active filters, and the form to change them."""
    return h.div(
        chips(given),
        h.div(filter_form(given, reader.meta()), chooser(COLUMNS, "calls"), class_="choices"),
        class_="tools",
    )


def _sums_of(reader: Reader, query: Query, given: Mapping[str, str], filters: Mapping[str, str]) -> Any:
    """Sum up, except for a search: that has to examine all results, and the rows should not wait for it.

    A script then requests the sums; without scripts a link does.
    """
    if not query.q or given.get("sums"):
        return _sums(reader, query, filters)
    address_of = address.requests(**filters, sums="yes")
    link = h.a("Add up what was found", href=address_of, rel="nofollow")
    return h.p(link, id="sums", class_="sums muted", data_later="1", data_testid="sums")


def _sums(reader: Reader, query: Query, filters: Mapping[str, str]) -> Any:
    """Sum up all calls that pass the filters; without filters the statistics have the sums already."""
    narrowed = {**filters, "q": sorted_by(filters.get("q", ""), USUAL, USUAL)}
    return sums_line(reader.totals(query) if any(narrowed.values()) else reader.stats()["totals"])


def _strips(drawn: Sequence[Strip]) -> Any:
    figures = [
        h.figure(
            element("figcaption", h.span(strip.title), " ", h.span(strip.figure, class_="muted")),
            bars(strip.bars, strip.label),
        )
        for strip in drawn
    ]
    return h.div(figures, class_="strips", data_testid="sparklines") if drawn else None


def _table(rows: Sequence[RowView], given: Mapping[str, str], order: Order, searched: str, live: bool) -> Any:
    words = {name: [state.word, state.tone] for name, state in OUTCOMES.items()}
    filters = active(given)

    def link(other: Order) -> str:
        return address.requests(**{**filters, "q": sorted_by(filters.get("q", ""), other, USUAL)})

    return h.div(
        request_table(rows, "Calls, newest first", sorted_heads(order, link), searched),
        # The script creates new rows from this template.
        element("template", request_row(BLANK), id="row-template"),
        id="requests",
        class_="scroll",
        data_live="1" if live else None,
        data_outcomes=json.dumps(words),
        data_testid="requests",
        hidden=not rows,
    )


def _pager(filters: Mapping[str, str], query: Query, found: RequestPage, first: bool) -> Any:
    following = _following(filters, query, found)
    links = []
    if not first:
        links.append(h.a("First page", href=address.requests(**filters), class_="button plain"))
    if following:
        links.append(h.a("Further calls", href=following, class_="button plain", rel="next", data_testid="older"))
    return h.nav(links, class_="pager", aria_label="Pages") if links else None


def _following(filters: Mapping[str, str], query: Query, found: RequestPage) -> str | None:
    """Return the address of the next page: after a cursor, or by an offset if sorted otherwise."""
    if query.sorted:
        more = len(found.items) == query.limit
        return address.requests(**filters, offset=str(query.offset + query.limit)) if more else None
    return address.requests(**filters, before=found.before) if found.before else None


def _keys(filters: Mapping[str, str], query: Query, found: RequestPage) -> dict[str, str]:
    following = _following(filters, query, found)
    return {"next": following} if following else {}
