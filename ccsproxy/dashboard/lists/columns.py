"""The columns of a list: the server sorts by them, the browser can hide them."""

from collections.abc import Callable, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.html.markup import h


@attr.frozen
class Column:
    """One column of a list.

    :ivar name: its CSS class, by which it is shown or hidden.
    :ivar sort: its name in the query language's ``sort:``; empty if it cannot be sorted.
    :ivar rising: whether the first click sorts it in ascending order, as for names.
    :ivar fixed: whether it cannot be hidden.
    """

    name: str
    title: str
    sort: str = ""
    number: bool = False
    rising: bool = False
    fixed: bool = False
    hint: str = ""

    @property
    def classes(self) -> str:
        """The classes of its cells."""
        return f"num {self.name}" if self.number else self.name


@attr.frozen
class Order:
    """The order of a list.

    :ivar name: the column's name in the query language.
    """

    name: str
    descending: bool = True

    @property
    def written(self) -> str:
        """The value of ``sort:``."""
        return f"-{self.name}" if self.descending else self.name


def heads(columns: Sequence[Column], order: Order, link: Callable[[Order], str]) -> Any:
    """Write the head of a list; each column's name sorts by it, once more the other way round.

    :param link: returns the address of the list in another order.
    """
    return h.thead(h.tr([_head(column, order, link) for column in columns]))


def _head(column: Column, order: Order, link: Callable[[Order], str]) -> Any:
    if not column.sort:
        return h.th(column.title, scope="col", class_=column.classes)
    chosen = column.sort == order.name
    turned = Order(column.sort, not order.descending if chosen else not column.rising)
    state = ("descending" if order.descending else "ascending") if chosen else None
    mark = h.span(" ↓" if order.descending else " ↑", aria_hidden="true") if chosen else None
    shown = h.a(column.title, mark, href=link(turned), class_="sort", title=column.hint or None, rel="nofollow")
    return h.th(shown, scope="col", class_=column.classes, aria_sort=state)


def chooser(columns: Sequence[Column], listed: str) -> Any:
    """Offer which columns are shown; the script keeps the choice.

    :param listed: names the list among others.
    """
    boxes = [
        h.li(h.label(h.input(type="checkbox", checked=True, data_column=f"{listed}-{each.name}"), f" {each.title}"))
        for each in columns
        if not each.fixed
    ]
    return h.details(
        h.summary("Columns"), h.ul(boxes), class_="chooser", id="columns", hidden=True, data_testid="columns"
    )
