"""The view of the list of sessions."""

from collections.abc import Mapping
from typing import Any

import attr

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html import figures
from ccsproxy.store.reader.lists import SessionQuery

#: Sessions on one page, and the last page that can be asked for.
ROWS, LAST = 50, 100_000
NAMES = ("model", "upstream", "client", "cwd")


@attr.frozen
class SessionRow:
    """One session as a row shows it; figures are written already."""

    sid: str
    title: str
    client: str
    cwd: str
    models: str
    active_at: str
    in_flight: bool
    requests: str
    errors: str
    input: str
    cached: str
    output: str
    cost: str


def row_of_session(item: Mapping[str, Any]) -> SessionRow:
    """Make the row of a session."""
    errors = item.get("errors")
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
        input=figures.tokens(item.get("total_input_tokens")),
        cached=figures.tokens(item.get("total_cache_read_input_tokens")),
        output=figures.tokens(item.get("total_output_tokens")),
        cost=figures.total(item.get("cost"), item.get("unpriced")),
    )


def clean_filters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that are set."""
    return {name: given[name] for name in NAMES if given.get(name)}


def query_of(given: Mapping[str, str]) -> SessionQuery:
    """Return the question for a page, with one session more, by which the next page is known."""
    chosen: dict[str, tuple[str, ...]] = {name: (value,) for name, value in clean_filters(given).items()}
    text = given.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    number = min(max(number, 1), LAST)
    return SessionQuery(
        model=chosen.get("model", ()),
        upstream=chosen.get("upstream", ()),
        client=chosen.get("client", ()),
        cwd=chosen.get("cwd", ()),
        include_empty=True,
        limit=ROWS + 1,
        offset=(number - 1) * ROWS,
    )


def page_address(filters: Mapping[str, str], number: int) -> str:
    """Return the address of a page."""
    return address.sessions(**filters, page=str(number) if number > 1 else "")
