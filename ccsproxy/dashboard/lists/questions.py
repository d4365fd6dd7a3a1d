"""The query in a list's address, as a value whose parts can be changed."""

import re
from collections.abc import Mapping

from ccsproxy.dashboard.lists.columns import Order
from ccsproxy.insight.query import SORTS
from ccsproxy.store.query import parse_question

_SORT = re.compile(r'(?:^|(?<=\s))-?sort:("[^"]*"?|\S*)', re.IGNORECASE)


def order_of(q: str, otherwise: Order) -> Order:
    """Return the order that a query sorts by."""
    found = [match[1].strip('"') for match in _SORT.finditer(q)]
    if not found:
        return otherwise
    # The last of several, as in the query language itself.
    name = found[-1].lstrip("-+")
    return Order(name, found[-1].startswith("-")) if name in SORTS else otherwise


def sorted_by(q: str, order: Order, usual: Order) -> str:
    """Return a query in another order; the usual one is not written."""
    rest = " ".join(_SORT.sub(" ", q).split())
    return rest if order == usual else f"{rest} sort:{order.written}".strip()


def words_of(given: Mapping[str, str]) -> str:
    """Return the words that a list was searched for, without fields.

    :raises QueryError: when the query cannot be meant.
    """
    return parse_question(given.get("q", "")).words


def pieces_of(q: str) -> list[tuple[str, str]]:
    """Split a query as it was parsed: each part, with the query that remains without it."""
    reading = list(parse_question(q).reading)
    return [(piece, " ".join(reading[:at] + reading[at + 1 :])) for at, piece in enumerate(reading)]
