"""A call shown beside a list: a sentence that sums it up, then the details; a key opens its own page."""

import re
from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.answers.why_view import cache_panel, cost_panel, parts_panel, sentence
from ccsproxy.dashboard.exchange.about import about, facts_line, prompt_and_answer
from ccsproxy.dashboard.exchange.waterfall import waterfall
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.reader import NotKept, Reader

_PLACE = re.compile(r"([^/]{1,128})/([1-9][0-9]{0,14})\Z")


def selected_call(reader: Reader, given: Mapping[str, str], service: Service) -> list[Any]:
    """Return the call that the address selects (``sel=SESSION/NUMBER``); empty if it selects none."""
    found = _PLACE.match(given.get("sel", ""))
    if found is None:
        return []
    try:
        return call_beside(reader, found[1], int(found[2]), given, service)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]


def call_beside(reader: Reader, sid: str, seq: int, given: Mapping[str, str], service: Service) -> list[Any]:
    """Show a call in brief.

    :raises NotKept: if there is no such exchange.
    """
    record = reader.record(sid, seq)
    words = given.get("q", "")
    found, context = _why(service, sid, seq)
    summary = next(iter(reader.around(sid, seq, 0)), {})
    parts = [
        beside_head(record, summary, place_in(found), words),
        _error(record),
        *_answers(found, context, sid, seq),
        waterfall(record),
        prompt_and_answer(record, words),
    ]
    return [part for part in parts if part is not None]


def place_in(found: Mapping[str, Any] | None) -> str:
    """Name the turn and step of a call; empty if it has none.

    :param found: as returned by `Insights.why`.
    """
    cost = found["cost"] if found else {"turn": None}
    return f"turn {cost['turn']}, step {cost['step']}" if cost["turn"] else ""


def beside_head(record: Mapping[str, Any], summary: Mapping[str, Any], place: str, words: str = "") -> Any:
    """Show which call it is, with a link to its own page."""
    sid, seq = str(record["session_id"]), int(record["seq"])
    return h.header(
        h.p(
            h.a("Open", href=address.exchange(sid, seq, q=words), class_="button", data_testid="open-beside"),
            h.a(
                "Session",
                href=f"{address.session(sid, **{'from': str(seq)})}#step-{seq}",
                class_="plain button",
            ),
            h.a(
                "Compare",
                href=f"/diff?b={sid}/{seq}",
                title="or drop another call here",
                class_="plain button",
                data_drop=f"{sid}/{seq}",
                data_testid="drop-beside",
            ),
            h.button("Close", type="button", class_="plain", id="close-beside", hidden=True),
            class_="actions",
        ),
        h.h2(about(record, summary), dir="auto"),
        facts_line(record, summary, place),
    )


def _error(record: Mapping[str, Any]) -> Any:
    error = record.get("error") or {}
    if not error:
        return None
    return h.p(h.strong(str(error.get("kind") or "")), " ", str(error.get("message") or ""), class_="note bad")


def _why(service: Service, sid: str, seq: int) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return why a finished model call cost what it did, and the composition of its prompt; empty for other calls."""
    try:
        found = service.insights.why(sid, seq)
        return (found, service.insights.context(sid, seq)) if found["cache"] is not None else (None, None)
    except NotKept:
        return None, None


def _answers(found: dict[str, Any] | None, context: dict[str, Any] | None, sid: str, seq: int) -> list[Any]:
    """Answer why: in a sentence, with findings, price, cache and context."""
    if found is None:
        return []
    return [
        h.p(sentence(found["cost"], found["cache"]), class_="lead", data_testid="why"),
        findings_list(found["findings"], here=(sid, seq)),
        cost_panel(found["cost"]),
        cache_panel(found["cache"]),
        parts_panel(context),
    ]
