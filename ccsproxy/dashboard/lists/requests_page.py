"""The list of requests: in-flight ones first seen when they begin, the newest on top."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.figures import UNKNOWN, clock, day
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.svg import bars
from ccsproxy.dashboard.html.words import OUTCOMES, badge
from ccsproxy.dashboard.lists.filters import NAMES, active, chips, filter_form
from ccsproxy.dashboard.lists.newcomer import newcomer, nothing_found
from ccsproxy.dashboard.lists.requests_view import ROWS, RowView, Strip, row_of, strips
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.reader import Reader

HEADS = (
    ("Time", "time"),
    ("Client and request", "what"),
    ("Model", "model"),
    ("Outcome", "outcome"),
    ("Input", "num input"),
    ("Cached", "num cached"),
    ("Output", "num output"),
    ("First token", "num ttft"),
    ("Duration", "num duration"),
    ("Cost", "num cost"),
    ("Request id", "id"),
)


def requests_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page.

    :param given: the query of the address.
    :raises QueryError: when a filter cannot be meant.
    """
    wanted = {name: value for name, value in given.items() if name in NAMES or name == "before"}
    found = reader.requests(parse_query({**wanted, "limit": str(ROWS)}))
    filters = active(given)
    first = not given.get("before")
    empty = not found.items and not filters and first
    body = [
        h.div(h.h1("Requests"), _strips(strips(found.items)), class_="head"),
        filter_form(given, reader.meta()),
        chips(given),
        h.p("The index is being rebuilt; the list may lack records.", class_="note")
        if found.rebuilding and not empty
        else None,
        newcomer(service.proxies, service.upstreams) if empty else None,
        nothing_found() if not found.items and not empty else None,
        h.p(h.a("", href=address.requests(**filters)), id="newer", class_="newer", role="status", hidden=True),
        _table([row_of(item) for item in found.items], live=first, hidden=not found.items),
        _pager(filters, found.before, first),
    ]
    return Page("Requests", [part for part in body if part is not None], "requests", "requests", ["requests.js"])


def _strips(drawn: Sequence[Strip]) -> Any:
    figures = [
        h.figure(
            element("figcaption", h.span(strip.title), " ", h.span(strip.figure, class_="muted")),
            bars(strip.bars, strip.label),
        )
        for strip in drawn
    ]
    return h.div(figures, class_="strips", data_testid="sparklines") if drawn else None


def _table(rows: Sequence[RowView], live: bool, hidden: bool) -> Any:
    words = {name: [state.word, state.tone] for name, state in OUTCOMES.items()}
    return h.div(
        request_table(rows, "Requests, newest first"),
        # What the script makes new rows of.
        element("template", request_row(_BLANK), id="row-template"),
        id="requests",
        class_="scroll",
        data_live="1" if live else None,
        data_outcomes=json.dumps(words),
        data_testid="requests",
        hidden=hidden,
    )


def request_table(rows: Sequence[RowView], caption: str) -> Any:
    """Write a table of requests."""
    return h.table(
        element("caption", caption, class_="hidden-label"),
        h.thead(h.tr(h.th(title, scope="col", class_=name) for title, name in HEADS)),
        h.tbody([request_row(row) for row in rows], id="rows"),
        class_="rows stack",
    )


def request_row(row: RowView) -> Any:
    """Write one row of the list of requests."""
    return h.tr(
        h.td(moment_of(row.started_at), class_="time"),
        h.td(
            h.span(row.client, class_="client", data_field="client"),
            h.span(row.agent, class_="agent", data_field="agent", hidden=not row.agent),
            h.a(row.what or UNKNOWN, href=row.href, class_="open", data_field="what"),
            h.span(row.error, class_="why", data_field="error", hidden=not row.error),
            class_="what",
        ),
        h.td(row.model, class_="model data", data_field="model", title=row.upstream or None),
        h.td(badge(row.state, h.span(row.status, class_="status", data_field="status")), class_="outcome"),
        h.td(row.input, class_="num input", data_field="input", data_label="in"),
        h.td(row.cached, class_="num cached", data_field="cached"),
        h.td(row.output, class_="num output", data_field="output", data_label="out"),
        h.td(row.ttft, class_="num ttft", data_field="ttft", data_label="first"),
        h.td(row.duration, class_="num duration", data_field="duration", data_label="took"),
        h.td(row.cost, class_="num cost", data_field="cost"),
        h.td(row.request_id or UNKNOWN, class_="id data", data_field="request_id", title=row.request_id or None),
        class_=f"row {row.state.tone}",
        data_key=row.key,
        data_started=row.started_at,
        data_testid="row",
    )


def moment_of(when: str) -> Any:
    """Show a time; the script writes it in the reader's own zone."""
    return element("time", h.span(day(when), class_="day"), " ", clock(when), datetime=when or None, title=f"{when}")


def _pager(filters: Mapping[str, str], before: str | None, first: bool) -> Any:
    links = []
    if not first:
        links.append(h.a("Newest", href=address.requests(**filters), class_="button plain"))
    if before:
        older = address.requests(**{**filters, "before": before})
        links.append(h.a("Older", href=older, class_="button plain", rel="next", data_testid="older"))
    return h.nav(links, class_="pager", aria_label="Pages") if links else None


_BLANK = row_of({"session_id": "", "client": UNKNOWN})
