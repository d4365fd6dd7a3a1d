"""Lists of names and values with copy buttons, and tables, in frames that scroll."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from twisted.web.template import Tag

from ccsproxy.dashboard.html.figures import UNKNOWN
from ccsproxy.dashboard.html.markup import element, h

Fact = tuple[str, Any]


def facts(given: Iterable[Fact]) -> Any:
    """Show facts; those without a value are left out."""
    rows = [[h.dt(name), h.dd(value)] for name, value in given if value not in (None, "")]
    return h.dl(rows, class_="facts") if rows else h.p("nothing known", class_="muted")


def copy_button(text: str, what: str) -> Any:
    """Offer to copy a text; only the script shows it."""
    return h.button("Copy", type="button", class_="copy", data_copy=text, aria_label=f"Copy {what}", hidden=True)


def copied(name: str, value: Any) -> Fact:
    """Make a fact that can be copied."""
    text = "" if value is None else str(value)
    return name, [h.span(text, class_="data"), copy_button(text, name.lower())] if text else None


def tiles(given: Iterable[Fact]) -> Any:
    """Show the most important figures as tiles; unknown ones as a dash."""
    # Unlike facts, unknown tiles are not left out: people learn their order.
    shown = [h.div(h.dt(name), h.dd(UNKNOWN if value in (None, "") else value)) for name, value in given]
    return h.dl(shown, class_="tiles")


def panel(title: str, *content: Any, **attributes: Any) -> Any:
    """Show a part of a page under a heading."""
    return h.section(h.h2(title), *content, class_="panel", **attributes)


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Any],
    numbers: Collection[str] = (),
    stacked: bool = False,
    **attributes: Any,
) -> Any:
    """Write a table.

    :param caption: its title, for screen readers.
    :param numbers: the headings of numeric columns, which are right-aligned.
    :param stacked: whether a narrow screen shows each row as a block, whose cells are labelled.
    """
    if stacked:
        for row in rows:
            _label_cells(row, heads)
    head = [h.th(name, scope="col", class_="num" if name in numbers else None) for name in heads]
    return h.div(
        h.table(
            element("caption", caption, class_="hidden-label"),
            h.thead(h.tr(head)),
            h.tbody(rows),
            class_="rows stack" if stacked else "rows",
        ),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=caption,
        **attributes,
    )


def _label_cells(row: Tag, heads: Sequence[str]) -> None:
    """Give each cell that does not head its row the name of its column."""
    cells = (each for each in row.children if isinstance(each, Tag))
    for cell, head in zip(cells, heads, strict=False):
        if cell.tagName == "td":
            cell.attributes["data-label"] = head.lower()
