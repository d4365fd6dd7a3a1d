"""The rows of lists of calls."""

from collections.abc import Sequence
from typing import Any

from ccsproxy.dashboard.html.figures import UNKNOWN, cents
from ccsproxy.dashboard.html.marking import marked_line
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.html.words import badge
from ccsproxy.dashboard.lists.columns import Column, heads
from ccsproxy.dashboard.lists.requests_view import RowView, row_of

COLUMNS = (
    Column("time", "Time", "time", fixed=True),
    Column("what", "Client and what it was about", "client", rising=True, fixed=True),
    Column("model", "Model", "model", rising=True),
    Column("outcome", "Outcome", "status"),
    Column("prompt", "Prompt", "in", number=True, hint="the whole prompt: cached and new"),
    Column("cached", "Cached", "cached", number=True, hint="the share of the prompt that was read from the cache"),
    Column("fresh", "New", "new", number=True, hint="what was not read from the cache"),
    Column("output", "Output", "out", number=True),
    Column("ttft", "First token", "ttft", number=True),
    Column("duration", "Duration", "duration", number=True),
    Column("cost", "Cost", "cost", number=True),
)


def request_table(rows: Sequence[RowView], caption: str, head: Any = None, words: str = "") -> Any:
    """Write a table of calls.

    :param head: the header row with links for sorting; a plain one if None.
    :param words: what was searched for, which is marked.
    """
    plain = h.thead(h.tr([h.th(each.title, scope="col", class_=each.classes) for each in COLUMNS]))
    return h.table(
        element("caption", caption, class_="hidden-label"),
        head if head is not None else plain,
        h.tbody([request_row(row, words) for row in rows], id="rows"),
        class_="rows stack list-calls",
    )


def sorted_heads(order: Any, link: Any) -> Any:
    """Write the head that sorts a list of calls."""
    return heads(COLUMNS, order, link)


def request_row(row: RowView, words: str = "") -> Any:
    """Write one row of a list of calls.

    :param words: what was searched for, which is marked.
    """
    return h.tr(
        h.td(moment_of(row.started_at), class_="time"),
        h.td(
            h.span(row.client, class_="client", data_field="client"),
            h.span(row.agent, class_="agent", data_field="agent", hidden=not row.agent),
            h.a(marked_line(row.what or UNKNOWN, words), href=row.href, class_="open", data_field="what"),
            h.span(row.error, class_="why", data_field="error", hidden=not row.error),
            class_="what",
        ),
        h.td(row.model, class_="model data", data_field="model", title=row.upstream or None),
        h.td(badge(row.state, h.span(row.status, class_="status", data_field="status")), class_="outcome"),
        h.td(row.prompt, class_="num prompt", data_field="prompt", data_label="prompt"),
        h.td(_share(row), class_="num cached", data_label="cached"),
        h.td(row.fresh, class_="num fresh", data_field="fresh", data_label="new"),
        h.td(row.output, class_="num output", data_field="output", data_label="out"),
        h.td(row.ttft, class_="num ttft", data_field="ttft", data_label="first"),
        h.td(row.duration, class_="num duration", data_field="duration", data_label="took"),
        h.td(row.cost, class_=" ".join(filter(None, ("num cost", cents(row.cost)))), data_field="cost"),
        class_=f"row {row.state.tone}",
        data_key=row.key,
        data_started=row.started_at,
        data_testid="row",
    )


def _share(row: RowView) -> Any:
    """Show the share that was cached as a figure over a bar."""
    return [
        h.span(row.cached, data_field="cached"),
        h.meter(value=f"{row.share or 0:.3f}", max="1", aria_hidden="true", class_="share", data_field="share"),
    ]


BLANK = row_of({"session_id": "", "client": UNKNOWN})
