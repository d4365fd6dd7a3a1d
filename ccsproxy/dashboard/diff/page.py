"""The page that compares a request with another one, usually with the previous turn."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.diff.align import Pair
from ccsproxy.dashboard.diff.changes import ShownChanges, show_messages, show_params, show_system, show_tools
from ccsproxy.dashboard.diff.marks import cache_marks
from ccsproxy.dashboard.diff.view import RequestDifference, difference, unchanged
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.messages import place_for
from ccsproxy.dashboard.page import COMPARISON, Page
from ccsproxy.dashboard.session.news import has_body, view_of
from ccsproxy.dashboard.session.turns import turns
from ccsproxy.dialects.views.view import RequestView
from ccsproxy.store.reader.reader import NotKept, Reader

#: Bytes of two requests together beyond which they are not compared.
BYTES = 64_000_000

Record = Mapping[str, Any]


def diff_page(reader: Reader, sid: str, a: int, b: int) -> Page:
    """Make the page.

    :param a: the number of the earlier request.
    :param b: the number of the later one.
    :raises NotKept: when one of them is not there.
    """
    head, links = _around(reader, sid, a, b)
    title = f"What call {b} changed against call {a}"
    old, new = reader.records(sid, (a, b))
    shown = compared(old, new, address.exchange(sid, b))
    heading = h.h1("What ", _link(sid, b), " changed against ", _link(sid, a))
    body = [head, h.div(heading, _models(old, new), class_="head call-head"), *shown]
    return Page(
        title,
        body,
        "diff",
        "sessions",
        back=address.exchange(sid, b),
        links=links,
        styles=["sessions.css"],
        level=COMPARISON,
    )


def compared(old: Record, new: Record, whole: str) -> list[Any]:
    """Show the differences between two requests, unless they are too large or were not kept.

    :param whole: the address of the later one.
    """
    if _size(old) + _size(new) > BYTES:
        sentence = f"Not compared: the two requests have {figures.size(_size(old) + _size(new))} together."
        return [h.p(sentence, class_="note")]
    if not (has_body(old) and has_body(new)):
        return [h.p("Not compared: the body of at least one of the two requests is not recorded.", class_="note")]
    return _compared(old, new, whole)


def _size(record: Record) -> int:
    return int((record.get("request") or {}).get("body_bytes") or 0)


def _link(sid: str, seq: int) -> Any:
    return h.a(f"call {seq}", href=address.exchange(sid, seq))


def _models(old: Record, new: Record) -> Any:
    """Name the model of both, or the change of model."""
    models = list(dict.fromkeys(str(each.get("model") or figures.UNKNOWN) for each in (old, new)))
    return h.p(h.span(" → ".join(models), class_="data"), class_="told")


def _around(reader: Reader, sid: str, a: int, b: int) -> tuple[Any, dict[str, str]]:
    """Return the way to the turns before and after, and the addresses for keys."""
    try:
        ordered = turns(reader.session(sid)["requests"])
    except NotKept:
        ordered = []
    earlier = next((turn.previous for turn in ordered if turn.seq == a), None)
    later = next((turn.seq for turn in ordered if turn.previous == b), None)
    links = {}
    if earlier is not None:
        links["diff"] = links["previous"] = address.diff(sid, earlier, a)
    if later is not None:
        links["next"] = address.diff(sid, b, later)
    steps = [
        h.a("Change before", href=links["previous"], rel="prev") if "previous" in links else None,
        h.a("Change after", href=links["next"], rel="next") if "next" in links else None,
        h.a("Other way round", href=address.diff(sid, b, a)),
        h.a("Compare others", href=address.compared(f"{sid}/{a}", f"{sid}/{b}")),
    ]
    to_session = h.a("Session", href=address.session(sid, **{"from": str(b)}))
    return h.nav(to_session, h.span(steps, class_="steps"), class_="crumbs", aria_label="Around this change"), links


def _compared(old: Record, new: Record, whole: str) -> list[Any]:
    before, after = view_of(old), view_of(new)
    found = difference(before, after)
    # Both requests contain the same calls, so an anchor would occur twice on the page.
    place = place_for([*before.messages, *after.messages], Place(RenderBudget(), whole=whole, anchors=False))
    shown = ShownChanges(place)
    parts = [
        h.p(found.summary, class_="summary", data_testid="summary"),
        _unlike(old, new),
        _cache(found, before, old, after, new),
        show_params(found.params, shown),
        show_system(found.system, shown),
        show_tools(found.tools, shown),
        show_messages(found.messages, shown),
        _nothing(found),
        _cut(shown),
    ]
    return [part for part in parts if part is not None]


def _unlike(old: Record, new: Record) -> Any:
    """Note that the two are of different dialects, so much may differ that means the same."""
    names = [str(each.get("dialect") or "unknown") for each in (old, new)]
    return (
        h.p(f"The requests are of different dialects: {names[0]} and {names[1]}.", class_="note")
        if names[0] != names[1]
        else None
    )


def _cache(found: RequestDifference, before: RequestView, old: Record, after: RequestView, new: Record) -> Any:
    """Show how far a prompt cache can still serve what was sent before, and where its breakpoints are."""
    was = cache_marks(before, (old.get("request") or {}).get("body"))
    now = cache_marks(after, (new.get("request") or {}).get("body"))
    at = found.diverges
    rows = [
        h.dt("Prompt cache"),
        h.dd(f"the first difference is in {at}" if at else "everything that was sent before is unchanged"),
        _places("Breakpoints now", now, was) if now or was else None,
        _places("Breakpoints before", was, now) if was != now else None,
    ]
    return h.dl(rows, class_="facts breakpoints", data_testid="cache")


def _places(title: str, places: Sequence[str], others: Sequence[str]) -> Any:
    marks = [[h.span(each, class_="mark" if each not in others else "mark stayed"), " "] for each in places]
    return [h.dt(title), h.dd(marks or "none")]


def _nothing(found: RequestDifference) -> Any:
    parts: tuple[Sequence[Pair[Any]], ...] = (found.system, found.tools, found.messages, found.params)
    if all(unchanged(part) for part in parts):
        return h.p("The two requests say the same.", class_="nothing")
    return None


def _cut(shown: ShownChanges) -> Any:
    left = []
    if shown.place.budget.cut:
        left.append(figures.plural(shown.place.budget.cut, "character"))
    if shown.passed_over:
        left.append(figures.plural(shown.passed_over, "change"))
    if not left:
        return None
    sentence = f"{' and '.join(left)} of this comparison are not shown: "
    return h.p(sentence, h.a("open the whole request", href=shown.place.whole), class_="note", data_testid="cut")
