"""Comparison of any two calls, of one session or of two, chosen by hand."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.diff.page import compared
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.page import COMPARISON, Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.reader import NotKept, Reader

_PLACE = re.compile(r"\s*(?:.*/x/)?([^/?#\s]{1,128})/([1-9][0-9]{0,14})\b")
#: Calls of the same model that are offered to compare with.
OFFERED = 25


def compare_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page.

    :param given: ``a`` and ``b`` are the calls, each as ``SESSION/NUMBER`` or as the address of its page.
    """
    a, b = _place(given.get("a", "")), _place(given.get("b", ""))
    body: list[Any] = [h.div(h.h1("Compare two calls"), class_="head"), _form(given)]
    if a and b:
        body += _difference(reader, a, b)
    elif b:
        body.append(_offered(reader, b))
    return Page(
        "Compare two calls",
        body,
        "diff",
        "requests",
        back=address.exchange(*b) if b else "/calls",
        styles=["sessions.css"],
        level=COMPARISON,
    )


def _place(text: str) -> tuple[str, int] | None:
    found = _PLACE.match(text)
    return (found[1], int(found[2])) if found else None


def _form(given: Mapping[str, str]) -> Any:
    fields = [
        h.div(
            h.label(title, for_=f"compare-{name}"),
            h.input(
                id=f"compare-{name}",
                name=name,
                value=given.get(name, ""),
                placeholder="SESSION/NUMBER, or the address of a call",
                autocomplete="off",
                data_drop="1",
            ),
            class_="field",
        )
        for name, title in (("a", "From"), ("b", "To"))
    ]
    return h.form(fields, h.p(h.button("Compare", type="submit"), class_="actions"), action="/diff", class_="compare")


def _difference(reader: Reader, a: tuple[str, int], b: tuple[str, int]) -> list[Any]:
    try:
        old, new = reader.record(*a), reader.record(*b)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]
    return [
        h.p("From ", _link(a, old), " to ", _link(b, new), class_="told"),
        *compared(old, new, address.exchange(*b)),
    ]


def _link(place: tuple[str, int], record: Mapping[str, Any]) -> Any:
    name = f"call {place[1]} of {place[0][:8]}"
    return [h.a(name, href=address.exchange(*place)), h.span(f" {record.get('model') or ''}", class_="muted data")]


def _offered(reader: Reader, b: tuple[str, int]) -> Any:
    """Offer the newest calls of the same model to compare with."""
    try:
        model = str(reader.record(*b).get("model") or "")
    except NotKept:
        return None
    query = {"limit": str(OFFERED), **({"model": model} if model else {})}
    rows: Sequence[Mapping[str, Any]] = reader.requests(parse_query(query)).items
    lines = [_line(each, b) for each in rows if (each["session_id"], each["seq"]) != b]
    if not lines:
        return None
    return h.section(h.h2("With which?"), h.ul(lines, class_="offered"), class_="part")


def _line(each: Mapping[str, Any], b: tuple[str, int]) -> Any:
    place = f"{each['session_id']}/{each['seq']}"
    line = figures.clipped(str(each.get("preview") or each.get("path") or ""), 120)
    return h.li(
        h.a(f"call {each['seq']} of {str(each['session_id'])[:8]}", href=address.compared(place, f"{b[0]}/{b[1]}")),
        " ",
        moment_of(str(each.get("started_at") or "")),
        " ",
        line,
    )
