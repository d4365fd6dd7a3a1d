"""The view of the list of sessions."""

from collections.abc import Mapping
from typing import Any

import attr

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.lists.columns import Order
from ccsproxy.dashboard.lists.sums import prompt_of
from ccsproxy.store.reader.lists import SESSION_SORTS, SessionQuery

#: Sessions on one page, and the highest page number.
ROWS, LAST = 50, 100_000
NAMES = ("model", "upstream", "client", "cwd", "q", "sort")
#: The most recently active first.
USUAL = Order("active")


@attr.frozen
class SessionRow:
    """One session as a row shows it; figures are written already.

    :ivar share: the part of the prompts that was read from the cache.
    """

    sid: str
    title: str
    client: str
    cwd: str
    models: str
    active_at: str
    in_flight: bool
    requests: str
    errors: str
    prompt: str
    cached: str
    fresh: str
    output: str
    duration: str
    cost: str
    share: float | None = None

    @property
    def project(self) -> str:
        """The last part of the working directory, by which people call a project."""
        return self.cwd.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or self.cwd


def row_of_session(item: Mapping[str, Any]) -> SessionRow:
    """Make the row of a session."""
    errors = item.get("errors")
    counts = {name: item.get(f"total_{name}") for name in _COUNTS}
    whole, read = prompt_of(counts), counts["cache_read_input_tokens"]
    return SessionRow(
        sid=str(item["session_id"]),
        title=figures.clipped(str(item.get("title") or ""), 160) or f"Session {item['session_id']}",
        client=str(item.get("client") or "unknown"),
        cwd=str(item.get("cwd") or ""),
        models=", ".join(map(str, item.get("models") or ())) or figures.UNKNOWN,
        active_at=str(item.get("ended_at") or item.get("started_at") or ""),
        in_flight=bool(item.get("in_flight")),
        requests=figures.exact(item.get("request_count")),
        errors=figures.exact(errors) if errors else "",
        prompt=figures.tokens(whole),
        cached=figures.percent(read, whole),
        fresh=figures.tokens(None if whole is None else whole - (read or 0)),
        output=figures.tokens(item.get("total_output_tokens")),
        duration=figures.duration(_span(item)),
        cost=figures.total(item.get("cost"), item.get("unpriced")),
        share=read / whole if whole and read is not None else None,
    )


_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _span(item: Mapping[str, Any]) -> float | None:
    begun, ended = figures.moment(item.get("started_at")), figures.moment(item.get("ended_at"))
    return (ended - begun).total_seconds() * 1000 if begun and ended else None


def clean_filters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the active filters, and the order if it is not the default."""
    return {name: given[name] for name in NAMES if given.get(name)}


def order_of(given: Mapping[str, str]) -> Order:
    """Return the order of the sessions."""
    text = given.get("sort", "")
    name = text.lstrip("-")
    return Order(name, text.startswith("-")) if name in SESSION_SORTS else USUAL


def query_of(given: Mapping[str, str], among: tuple[str, ...] | None = None) -> SessionQuery:
    """Return the question for a page, with one session more, by which the next page is known.

    :param among: the only sessions that are meant.
    """
    chosen: dict[str, tuple[str, ...]] = {name: (value,) for name, value in clean_filters(given).items()}
    text = given.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    number = min(max(number, 1), LAST)
    order = order_of(given)
    return SessionQuery(
        model=chosen.get("model", ()),
        upstream=chosen.get("upstream", ()),
        client=chosen.get("client", ()),
        cwd=chosen.get("cwd", ()),
        include_empty=True,
        limit=ROWS + 1,
        offset=(number - 1) * ROWS,
        among=among,
        sort=order.name,
        descending=order.descending,
    )


def page_address(filters: Mapping[str, str], number: int) -> str:
    """Return the address of a page."""
    return address.sessions(**filters, page=str(number) if number > 1 else "")
