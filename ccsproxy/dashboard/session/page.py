"""A session: its conversation from the first turn to the last, or all its requests in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.exchange.overview import key
from ccsproxy.dashboard.exchange.page import exports
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import copied, facts
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.svg import bars
from ccsproxy.dashboard.lists.requests_page import moment_of, request_table
from ccsproxy.dashboard.lists.requests_view import row_of
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.conversation import conversation
from ccsproxy.dashboard.session.steps import step_names
from ccsproxy.dashboard.session.totals import Growth, Tile, growth, total_tiles
from ccsproxy.dashboard.session.turns import RequestTurn, agents, turns
from ccsproxy.dashboard.session.window import Window, window
from ccsproxy.store.reader.reader import NotKept, Reader

EXPORTS = (("md", "Markdown"), ("jsonl", "JSON lines"), ("har", "HAR"), ("html", "HTML, one file"))
#: Rows of the table of all requests.
ROWS = 1000


def session_page(reader: Reader, sid: str, given: Mapping[str, str], service: Service) -> Page:
    """Make the page.

    :param given: ``view`` is ``calls`` for the table; ``from`` is the number of the request to begin at.
    :raises NotKept: when there is no such session.
    """
    found = reader.session(sid)
    meta, requests = found["meta"], found["requests"]
    ordered = turns(requests)
    as_table = given.get("view") == "calls"
    drawn = growth(ordered)
    part = None if as_table else window(ordered, _number(given.get("from")))
    body = [
        _crumbs(sid, meta),
        _head(meta),
        findings_list(_findings(service, sid)),
        _tiles(total_tiles(meta, requests, agents(ordered))),
        _growth(drawn) if drawn else None,
        _tabs(sid, as_table, len(ordered)),
        *(_table(sid, ordered) if part is None else _conversation(reader, sid, part, service)),
    ]
    title = figures.clipped(str(meta.get("title") or f"Session {sid}"), 80)
    return Page(
        title,
        [each for each in body if each is not None],
        "session",
        "sessions",
        back="/sessions",
        links=_keys(sid, part),
        styles=["sessions.css"],
    )


def _findings(service: Service, sid: str) -> list[dict[str, Any]]:
    """Return what is worth knowing; of a session whose calls all run yet, nothing."""
    try:
        return service.insights.findings(sid)
    except NotKept:
        return []


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None


def _keys(sid: str, part: Window | None) -> dict[str, str]:
    """Let the keys for previous and next turn pages over."""
    found = {}
    if part and part.before is not None:
        found["previous"] = address.session(sid, **{"from": str(part.before)})
    if part and part.after is not None:
        found["next"] = address.session(sid, **{"from": str(part.after)})
    return found


def _crumbs(sid: str, meta: Mapping[str, Any]) -> Any:
    return h.nav(
        h.a("All sessions", href="/sessions"),
        h.a("Its requests in the list", href=address.requests(session=sid)),
        class_="crumbs",
        aria_label="Around this session",
    )


def _head(meta: Mapping[str, Any]) -> Any:
    title = figures.clipped(str(meta.get("title") or ""), 240)
    client = " ".join(str(each) for each in (meta.get("client"), meta.get("client_version")) if each)
    told = facts(
        (
            ("Client", client),
            ("Directory", _data(meta.get("cwd"))),
            ("Models", _data(", ".join(map(str, meta.get("models") or ())))),
            ("Time", _span(meta)),
            copied("Session", meta["session_id"]),
        )
    )
    return h.header(h.h1(title or "Session without a prompt", data_testid="title"), told, class_="session-head")


def _data(value: Any) -> Any:
    return h.span(str(value), class_="data") if value else None


def _span(meta: Mapping[str, Any]) -> Any:
    begun, ended = moment_of(str(meta.get("started_at") or "")), meta.get("ended_at")
    return [begun, " to ", moment_of(str(ended)) if ended else "now: a request is in flight"]


def _conversation(reader: Reader, sid: str, part: Window, service: Service) -> list[Any]:
    shown = conversation(reader, sid, part, step_names(service, sid))
    return [
        _pager(sid, part, "Parts of the conversation"),
        shown,
        _pager(sid, part, "Parts, once more"),
    ]


def _tiles(tiles: Sequence[Tile]) -> Any:
    return h.dl([_tile(each) for each in tiles], class_="tiles", data_testid="totals")


def _tile(tile: Tile) -> Any:
    note = h.span(f" {tile.note}", class_="muted note-small") if tile.note else None
    return h.div(h.dt(tile.name), h.dd(tile.figure, note))


def _growth(drawn: Growth) -> Any:
    left = f"; the first {drawn.left_out} turns are not drawn" if drawn.left_out else ""
    return h.figure(
        element("figcaption", "Context by turn ", h.span(f"up to {drawn.peak} tokens{left}", class_="muted")),
        bars(drawn.bars, drawn.label, tall=72),
        key([("cached", "read from the cache", ""), ("fresh", "new input", ""), ("output", "output", "")]),
        class_="growth",
        data_testid="growth",
    )


def _tabs(sid: str, as_table: bool, count: int) -> Any:
    links = [
        h.a("Conversation", href=address.session(sid), aria_current=None if as_table else "page"),
        h.a(
            f"All {figures.plural(count, 'request')}",
            href=address.session(sid, view="calls"),
            aria_current="page" if as_table else None,
        ),
    ]
    return h.div(h.nav(links, class_="tabs-list", aria_label="Views"), exports(sid, None, EXPORTS), class_="tabs")


def _table(sid: str, ordered: Sequence[RequestTurn]) -> list[Any]:
    rows = [row_of(turn.summary) for turn in sorted(ordered, key=lambda turn: turn.seq)[-ROWS:]]
    left = len(ordered) - len(rows)
    older = h.a("search them in the list of requests", href=address.requests(session=sid))
    return [
        h.p(f"{figures.plural(left, 'earlier request')}: ", older, class_="note") if left else None,
        h.div(request_table(rows, "Requests of this session, oldest first"), class_="scroll", data_testid="calls"),
    ]


def _pager(sid: str, part: Window, name: str) -> Any:
    """Lead to every part of a session."""
    if len(part.parts) < 2:
        return None
    links = [
        h.a(
            f"{each.first} to {each.last}",
            href=address.session(sid, **{"from": str(each.seq)} if each.first > 1 else {}),
            aria_current="page" if each.first == part.first + 1 else None,
        )
        for each in part.parts
    ]
    label = h.span(f"{part.total} requests ", class_="muted")
    return h.nav(label, [[link, " "] for link in links], class_="spans parts", aria_label=name)
