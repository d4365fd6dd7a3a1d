"""The page of one exchange: its header, its tabs, and links to its neighbours."""

import shlex
from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.annotation_form import annotation_form
from ccsproxy.dashboard.exchange.about import about, facts_line
from ccsproxy.dashboard.exchange.beside import call_beside
from ccsproxy.dashboard.exchange.bodies import SHOWN, body_json, headers_part, raw_part, request_part, response_part
from ccsproxy.dashboard.exchange.overview import overview
from ccsproxy.dashboard.failing import NoSuchPage
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.marking import contains, has_mark, mark_words, pattern_of
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.page import CALL, Page
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.siblings import Siblings, siblings
from ccsproxy.dialects.views.view import RequestView, request_view
from ccsproxy.exchange.continuation import with_context
from ccsproxy.store.reader.reader import NotKept, Reader

VIEWS = {
    "overview": "Overview",
    "request": "Request",
    "response": "Response",
    "headers": "Headers",
    "raw": "Raw",
}
FORMS = (
    ("raw", "Raw HTTP"),
    ("md", "Markdown"),
    ("json", "JSON"),
    ("har", "HAR"),
    ("curl", "cURL"),
    ("html", "HTML"),
)


def exchange_page(reader: Reader, sid: str, seq: int, given: Mapping[str, str], service: Service) -> Page:
    """Build the page.

    :param given: ``view`` is one of `VIEWS`, ``q`` the words that were searched for, ``part=beside`` requests the
        short form beside a list.
    :raises NotKept: if there is no such exchange.
    :raises NoSuchPage: if there is no such view.
    """
    if given.get("part") == "beside":
        return Page(f"Call {seq}", call_beside(reader, sid, seq, given, service), "beside", part=True)
    name = given.get("view") or "overview"
    if name not in VIEWS:
        raise NoSuchPage
    record = reader.record(sid, seq)
    # JSON, headers and record show what was sent, without the context from earlier calls.
    to_read = record if given.get("form") == "json" or name in ("headers", "raw") else _whole(reader, record)
    summary, near = _around(reader, sid, seq)
    words = given.get("q", "")
    cost = figures.total(summary.get("cost"), summary.get("unpriced"))
    content = [part for part in _content(to_read, name, given, cost, service) if part is not None]
    body = [
        _crumbs(sid, seq, near, name),
        _head(record, summary, _place(service, sid, seq)),
        annotation_form(reader, sid, seq),
        _tabs(sid, seq, name, words, _replay(sid, seq, summary, service)),
        _landing(content, words),
        *content,
    ]
    return Page(
        f"#{seq} {about(record, summary)} · {VIEWS[name]}",
        [part for part in body if part is not None],
        "exchange",
        "requests",
        ["exchange.js"],
        back=address.session(sid),
        links=_keys(sid, seq, near, name),
        level=CALL,
        query={"q": words} if words else {},
    )


def _place(service: Service, sid: str, seq: int) -> str:
    """Name the turn and step of a call; empty if it has none, or is in progress."""
    try:
        turn, step = service.insights.session(sid).turn_of.get(seq, (None, None))
    except NotKept:
        return ""
    return f"turn {turn}, step {step}" if turn else ""


def _landing(content: list[Any], words: str) -> Any:
    """Mark the words that were searched for, and lead to the first of them."""
    if not words:
        return None
    content[:] = mark_words(content, words)
    if not has_mark(content):
        return h.p("What was searched for is not on this tab.", class_="note")
    return h.p(h.a("To the first place", href="#hit"), class_="muted", id="to-hit")


def _whole(reader: Reader, record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with everything that the model was given, if it continues another one."""
    return with_context(record, lambda seq: reader.record(str(record["session_id"]), seq))


def _around(reader: Reader, sid: str, seq: int) -> tuple[Mapping[str, Any], Siblings]:
    """Return the index entries of an exchange and its neighbours; the index may not have them yet."""
    requests = reader.around(sid, seq)
    return next((each for each in requests if each["seq"] == seq), {}), siblings(requests, seq)


def _content(
    record: Mapping[str, Any], name: str, given: Mapping[str, str], cost: str, service: Service
) -> list[Any]:
    sid, seq = str(record["session_id"]), int(record["seq"])
    whole = address.record(sid, seq)
    if name == "headers":
        return headers_part(record)
    if name == "raw":
        return raw_part(record, whole)
    view = _view(record)
    if name == "overview":
        return overview(record, service, cost, given.get("q", ""))
    as_json = given.get("form") == "json"
    place = Place(RenderBudget(), whole=whole)
    if name == "request":
        shown = (
            body_json(record.get("request"), "body", whole)
            if as_json
            else request_part(record, view, place, given.get("all") == "1" or _says_earlier(view, given.get("q", "")))
        )
    else:
        shown = (
            body_json(record.get("response"), "body_reassembled", whole)
            if as_json
            else response_part(record, view, place)
        )
    return [_form(sid, seq, name, as_json), *shown, _cut(place, whole)]


def _says_earlier(view: RequestView, words: str) -> bool:
    """Whether the words are in messages that are shown only when all are, so that a search lands on them."""
    pattern = pattern_of(words)
    if pattern is None or len(view.messages) <= SHOWN:
        return False
    return not any(contains(message.blocks, pattern) for message in view.messages[-SHOWN:])


def _view(record: Mapping[str, Any]) -> RequestView:
    return request_view(record.get("dialect"), (record.get("request") or {}).get("body"))


def _head(record: Mapping[str, Any], summary: Mapping[str, Any], place: str) -> Any:
    return h.div(
        h.h1(about(record, summary), dir="auto"), facts_line(record, summary, place), class_="head call-head"
    )


def _crumbs(sid: str, seq: int, near: Siblings, view: str) -> Any:
    def step(title: str, number: int | None, rel: str) -> Any:
        return h.a(title, href=address.exchange(sid, number, view), rel=rel) if number else None

    changed = address.diff(sid, near.turn_before, seq) if near.turn_before else None
    return h.nav(
        h.a("Session", href=f"{address.session(sid, **{'from': str(seq)})}#step-{seq}", data_testid="to-session"),
        h.span(
            step("Previous", near.previous, "prev"),
            step("Next", near.next, "next"),
            h.a("What changed", href=changed, data_testid="to-diff") if changed else None,
            h.a(
                "Compare with ...",
                href=f"/diff?b={sid}/{seq}",
                title="or drop another call here",
                data_drop=f"{sid}/{seq}",
                data_testid="to-compare",
            ),
            class_="steps",
        ),
        class_="crumbs",
        aria_label="Around this request",
    )


def _tabs(sid: str, seq: int, name: str, words: str = "", replay: Any = None) -> Any:
    links = [
        h.a(title, href=address.exchange(sid, seq, each, q=words), aria_current="page" if each == name else None)
        for each, title in VIEWS.items()
    ]
    curl = h.button(
        "Copy as cURL",
        type="button",
        class_="plain",
        data_copy_from=address.export(sid, seq, "curl"),
        hidden=True,
        data_testid="curl",
    )
    views = h.nav(links, class_="tabs-list", aria_label="Views")
    return h.div(views, curl, replay, exports(sid, seq, FORMS), class_="tabs")


def _replay(sid: str, seq: int, summary: Mapping[str, Any], service: Service) -> Any:
    """Offer the command that sends a model's call again; a hub, which has no proxy, has no records for it either."""
    if summary.get("category") != "model" or not service.proxies:
        return None
    return h.button(
        "Copy replay command",
        type="button",
        class_="plain",
        title="sends it again and shows both answers: --model for another model, --set for other changes",
        data_copy=f"ccsproxy replay {shlex.quote(f'{sid}/{seq}')}",
        hidden=True,
        data_testid="replay",
    )


def exports(sid: str, seq: int | None, forms: tuple[tuple[str, str], ...]) -> Any:
    """Offer the forms in which an exchange can be exported."""
    links = [h.li(h.a(title, href=address.export(sid, seq, form), download=True)) for form, title in forms]
    return h.details(h.summary("Export"), h.ul(links), class_="exports", data_testid="exports")


def _form(sid: str, seq: int, name: str, as_json: bool) -> Any:
    here = "page"
    return h.p(
        h.a("Structured", href=address.exchange(sid, seq, name), aria_current=None if as_json else here),
        " / ",
        h.a("JSON", href=address.exchange(sid, seq, name, form="json"), aria_current=here if as_json else None),
        class_="form",
    )


def _cut(place: Place, whole: str) -> Any:
    if not place.budget.cut:
        return None
    left = figures.plural(place.budget.cut, "character")
    return h.p(
        f"{left} of this record are not shown on this page: ", h.a("open all of it", href=whole), class_="note"
    )


def _keys(sid: str, seq: int, near: Siblings, view: str) -> dict[str, str]:
    found = {"diff": address.diff(sid, near.turn_before, seq)} if near.turn_before else {}
    if near.previous:
        found["previous"] = address.exchange(sid, near.previous, view)
    if near.next:
        found["next"] = address.exchange(sid, near.next, view)
    return found
