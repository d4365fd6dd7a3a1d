"""A call beside a list: in a sentence what it was, then the evidence; the whole of it is one key away."""

import re
from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.answers.why_view import cache_panel, cost_panel, parts_panel, sentence
from ccsproxy.dashboard.exchange.about import about, asked_and_said
from ccsproxy.dashboard.exchange.waterfall import waterfall
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import moment_of
from ccsproxy.dashboard.html.words import badge, state_of
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.reader import NotKept, Reader

_PLACE = re.compile(r"([^/]{1,128})/([1-9][0-9]{0,14})\Z")


def selected_call(reader: Reader, given: Mapping[str, str], service: Service) -> list[Any]:
    """Return the call that the address selects (``sel=SESSION/NUMBER``); nothing where it names none."""
    found = _PLACE.match(given.get("sel", ""))
    if found is None:
        return []
    try:
        return call_beside(reader, found[1], int(found[2]), given, service)
    except NotKept as missing:
        return [h.p(f"{str(missing).capitalize()}.", class_="note")]


def call_beside(reader: Reader, sid: str, seq: int, given: Mapping[str, str], service: Service) -> list[Any]:
    """Show a call in short.

    :raises NotKept: when there is no such exchange.
    """
    record = reader.record(sid, seq)
    words = given.get("q", "")
    parts = [
        beside_head(record, words),
        _error(record),
        *_why(service, sid, seq),
        waterfall(record),
        asked_and_said(record, words),
    ]
    return [part for part in parts if part is not None]


def beside_head(record: Mapping[str, Any], words: str = "") -> Any:
    """Say which call it is, and lead to all of it."""
    sid, seq = str(record["session_id"]), int(record["seq"])
    status = (record.get("response") or {}).get("status")
    client = record.get("client") or {}
    return h.header(
        h.p(
            h.a("Open", href=address.exchange(sid, seq, q=words), class_="button", data_testid="open-beside"),
            h.a(
                "In its session",
                href=f"{address.session(sid, **{'from': str(seq)})}#step-{seq}",
                class_="plain button",
            ),
            h.button("Close", type="button", class_="plain", id="close-beside", hidden=True),
            class_="actions",
        ),
        h.h2(about(record)),
        h.p(
            badge(state_of(record.get("outcome")), h.span(str(status or ""), class_="status")),
            " ",
            moment_of(str(record.get("started_at") or "")),
            " ",
            h.span(str(record.get("model") or figures.UNKNOWN), class_="data"),
            " ",
            h.span(" ".join(filter(None, (client.get("name"), client.get("agent")))), class_="muted"),
            class_="told",
        ),
    )


def _error(record: Mapping[str, Any]) -> Any:
    error = record.get("error") or {}
    if not error:
        return None
    return h.p(h.strong(str(error.get("kind") or "")), " ", str(error.get("message") or ""), class_="note bad")


def _why(service: Service, sid: str, seq: int) -> list[Any]:
    """Answer why: in a sentence, with findings, price, cache and context; nothing where it is no call of a model."""
    try:
        found = service.insights.why(sid, seq)
        if found["cache"] is None:
            return []
        context = service.insights.context(sid, seq)
    except NotKept:
        return []
    return [
        h.p(sentence(found["cost"], found["cache"]), class_="lead", data_testid="why"),
        findings_list(found["findings"], here=(sid, seq)),
        cost_panel(found["cost"]),
        cache_panel(found["cache"]),
        parts_panel(context),
    ]
