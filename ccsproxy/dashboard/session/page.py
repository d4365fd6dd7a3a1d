"""The page of a session: its conversation with an outline, its costs, or all of its calls in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.annotation_form import annotation_form
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.exchange.beside import call_beside
from ccsproxy.dashboard.exchange.page import exports
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.lists.requests_view import row_of
from ccsproxy.dashboard.lists.rows import request_table
from ccsproxy.dashboard.page import SESSION, Page
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.beside import DerivedSession, derived_session, session_beside
from ccsproxy.dashboard.session.chart import context_chart
from ccsproxy.dashboard.session.conversation import aside_calls, conversation_part, fresh_part, running_calls
from ccsproxy.dashboard.session.costs_view import costs_view
from ccsproxy.dashboard.session.flow import Flow, flow_of
from ccsproxy.dashboard.session.head import session_head, session_title
from ccsproxy.dashboard.session.outline import jumps, outline
from ccsproxy.insight.cost.carry import heaviest
from ccsproxy.insight.cost.context import context
from ccsproxy.store.reader.reader import NotKept, Reader

EXPORTS = (("html", "HTML, one file"), ("md", "Markdown"), ("jsonl", "JSON lines"), ("har", "HAR"))
VIEWS = {"": "Conversation", "costs": "Cost and context", "calls": "All calls"}
#: Rows of the table of all calls.
ROWS = 500


def session_page(reader: Reader, sid: str, given: Mapping[str, str], service: Service) -> Page:
    """Build the page.

    :param given: ``view`` is one of `VIEWS`; ``from`` is the number of a call in the part, or ``end``; ``call`` is
        the one shown beside; ``part=fresh`` with ``since`` requests what may be new after a call.
    :raises NotKept: if there is no such session.
    """
    if given.get("part") == "beside":
        return Page("Session", session_beside(reader, sid, service), "beside", part=True)
    meta = reader.session_meta(sid)
    derived = derived_session(service, sid)
    description = derived.description if derived else None
    flow = flow_of(derived.session, derived.description, given.get("from", "")) if derived else Flow((), (), 0)
    if given.get("part") == "fresh":
        return Page("Fresh", fresh_part(reader, given, derived, flow, meta), "fresh", part=True)
    view = given.get("view", "") if given.get("view", "") in VIEWS else ""
    body = [
        _crumbs(sid, view, meta["request_count"]),
        session_head(meta, description),
        findings_list(derived.findings if derived else ()),
        h.div(annotation_form(reader, sid), exports(sid, None, EXPORTS), class_="session-tools"),
        context_chart(sid, flow.steps) if view != "calls" else None,
        *_content(reader, meta, view, derived, flow),
    ]
    return Page(
        session_title(meta),
        [each for each in body if each is not None],
        "session",
        "sessions",
        ["session.js"],
        back="/sessions",
        links=_keys(sid, flow, view),
        styles=["sessions.css", "conversation.css"],
        side=[outline(sid, description), jumps(sid, description)],
        beside=_beside(reader, sid, given, service),
        level=SESSION,
    )


def _content(
    reader: Reader, meta: Mapping[str, Any], view: str, derived: DerivedSession | None, flow: Flow
) -> list[Any]:
    sid = str(meta["session_id"])
    if view == "calls":
        return _table(sid, reader.session(sid)["requests"])
    if derived is None:
        return [running_calls(reader, meta), h.p("Nothing of it has ended yet.", class_="note")]
    if view == "costs":
        pieces = list(heaviest(derived.session.carried))
        times = derived.description["totals"]["times"]
        return costs_view(sid, derived.session.calls, times, pieces, flow.steps, _newest(derived, flow))
    return [
        _pager(sid, flow, "Parts of the conversation"),
        conversation_part(reader, sid, flow, derived.session),
        running_calls(reader, meta) if flow.last else None,
        _pager(sid, flow, "Parts, once more"),
        aside_calls(sid, derived.description, derived.session),
    ]


def _newest(derived: DerivedSession, flow: Flow) -> dict[str, Any] | None:
    """Return the composition of the newest step's prompt; empty if no prompt was counted."""
    session = derived.session
    last = next((each.step.call for each in reversed(flow.steps) if each.step.call.seq in session.sizes), None)
    return None if last is None else context(session.sizes[last.seq], session.sent, session.thoughts)


def _beside(reader: Reader, sid: str, given: Mapping[str, str], service: Service) -> list[Any]:
    text = given.get("call", "")
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 12):
        return []
    try:
        return call_beside(reader, sid, int(text), given, service)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]


def _keys(sid: str, flow: Flow, view: str) -> dict[str, str]:
    """Let the keys for previous and next page through the parts."""
    found = {"sid": sid, "last": "1" if flow.last and not view else ""}
    if view:
        return found
    for name, by in (("previous", -1), ("next", 1)):
        seq = flow.neighbour(by)
        if seq is not None:
            found[name] = address.session(sid, **{"from": str(seq)})
    return found


def _crumbs(sid: str, view: str, requests: int) -> Any:
    count = figures.plural(requests, "call")
    titles = {**VIEWS, "calls": f"All {count}" if requests > 1 else count}
    links = [
        h.a(title, href=address.session(sid, view=name), aria_current="page" if name == view else None)
        for name, title in titles.items()
    ]
    return h.div(
        h.nav(links, class_="tabs-list", aria_label="Views"),
        h.nav(
            h.a("Turns", href="#outline", class_="to-outline"),
            h.a("All sessions", href="/sessions"),
            h.a("In the list of calls", href=address.requests(session=sid)),
            class_="around",
            aria_label="Around this session",
        ),
        class_="tabs",
    )


def _table(sid: str, requests: Sequence[Mapping[str, Any]]) -> list[Any]:
    rows = [row_of(each) for each in sorted(requests, key=lambda each: int(each["seq"]))[-ROWS:]]
    left = len(requests) - len(rows)
    older = h.a("search them in the list of calls", href=address.requests(session=sid))
    return [
        h.p(f"{figures.plural(left, 'earlier call')}: ", older, class_="note") if left else None,
        h.div(request_table(rows, "Calls of this session, oldest first"), class_="scroll", data_testid="calls"),
    ]


def _pager(sid: str, flow: Flow, name: str) -> Any:
    """Lead to every part of a session."""
    if len(flow.parts) < 2:
        return None
    own = flow.parts[flow.own]
    links = [
        h.a(
            f"{each.first + 1} to {each.end}",
            href=address.session(sid, **{"from": str(each.seq)} if each.first else {}),
            aria_current="page" if each is own else None,
        )
        for each in flow.near
    ]
    label = h.span(f"{len(flow.steps)} steps ", class_="muted")
    return h.nav(label, [[link, " "] for link in links], class_="spans parts", aria_label=name)
