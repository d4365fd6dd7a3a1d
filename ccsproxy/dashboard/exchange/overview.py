"""The overview of an exchange: cost first, then times, usage, and what capture reports."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.answers.why_view import cache_panel, cost_panel, parts_panel, sentence
from ccsproxy.dashboard.exchange.about import prompt_and_answer
from ccsproxy.dashboard.exchange.limit_headers import explained, pairs_of
from ccsproxy.dashboard.exchange.waterfall import waterfall
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import copied, facts, panel, tiles
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import dated
from ccsproxy.dashboard.html.words import state_of
from ccsproxy.dashboard.lists.sums import prompt_of
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.reader import NotKept

#: Parts of the prompt that are listed.
PARTS = 40


def overview(record: Mapping[str, Any], service: Service, cost: str, words: str = "") -> list[Any]:
    """Write the overview tab of an exchange.

    :param words: the words of the search that led here.
    """
    sid, seq = str(record["session_id"]), int(record["seq"])
    found, context = why(service, sid, seq)
    return [
        _error(record),
        h.p(sentence(found["cost"], found["cache"]), class_="lead", data_testid="why") if found else None,
        findings_list(found["findings"], here=(sid, seq)) if found else None,
        _figures(record, cost),
        h.div(
            waterfall(record),
            cost_panel(found["cost"]) if found else None,
            cache_panel(found["cache"]) if found else None,
            parts_panel(context, PARTS),
            _limits(record),
            _usage(record.get("usage") or {}),
            _identity(record),
            _wire(record),
            _capture(record),
            class_="columns wide",
        ),
        prompt_and_answer(record, words),
    ]


def why(service: Service, sid: str, seq: int) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return why a finished model call cost what it did, and the composition of its prompt; empty for other calls."""
    try:
        found = service.insights.why(sid, seq)
        return (found, service.insights.context(sid, seq)) if found["cache"] is not None else (None, None)
    except NotKept:
        return None, None


def _figures(record: Mapping[str, Any], cost: str) -> Any:
    usage = record.get("usage") or {}
    whole, read = prompt_of(usage), usage.get("cache_read_input_tokens")
    return tiles(
        (
            ("Prompt", figures.tokens(whole)),
            ("Cached", figures.percent(read, whole)),
            ("New", figures.tokens(None if whole is None else whole - (read or 0))),
            ("Output", figures.tokens(usage.get("output_tokens"))),
            ("First token", figures.duration(record.get("ttft_ms"))),
            ("Duration", figures.duration(record.get("duration_ms"))),
            ("Cost", cost),
            ("Ended because", record.get("stop_reason")),
        )
    )


def _limits(record: Mapping[str, Any]) -> Any:
    """Show what the header fields state about limits, in words."""
    fields = explained([*pairs_of(record.get("request")), *pairs_of(record.get("response"))])
    if not fields:
        return None
    rows = [
        h.tr(h.th(name, scope="row"), h.td(value), h.td(message, class_="muted"))
        for name, value, message in fields[:40]
    ]
    return panel("Limits", h.table(h.tbody(rows), class_="headers limits-of"), id="limits")


def _error(record: Mapping[str, Any]) -> Any:
    error = record.get("error") or {}
    if record.get("outcome") in ("complete", None) and not error:
        return None
    meaning = state_of(record.get("outcome")).meaning
    message = [h.strong(str(error.get("kind") or "")), " ", str(error.get("message") or "")] if error else None
    partial = (
        " The part of the answer that arrived is kept." if record.get("partial") and record.get("response") else ""
    )
    return h.div(
        h.p(meaning + partial), h.p(message) if message else None, class_="note bad", id="error", role="note"
    )


def _usage(usage: Mapping[str, Any]) -> Any:
    if not usage:
        return panel("Tokens", h.p("The answer does not say.", class_="muted"), id="usage")
    known = [usage.get(name) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")]
    whole = sum(value or 0 for value in known)
    rows = (
        ("Input, not cached", figures.exact(usage.get("input_tokens"))),
        ("Read from cache", figures.exact(usage.get("cache_read_input_tokens"))),
        ("Written to cache", figures.exact(usage.get("cache_creation_input_tokens"))),
        ("for 5 minutes", _maybe(usage.get("cache_creation_5m"))),
        ("for 1 hour", _maybe(usage.get("cache_creation_1h"))),
        ("Output", figures.exact(usage.get("output_tokens"))),
        ("of it reasoning", _maybe(usage.get("reasoning_tokens"))),
        ("Tier", usage.get("service_tier")),
        ("Speed", usage.get("speed")),
        ("Served from cache", figures.share(usage.get("cache_read_input_tokens"), whole)),
    )
    return panel("Tokens", facts(rows), id="usage", data_testid="usage")


def _identity(record: Mapping[str, Any]) -> Any:
    client, sid = record.get("client") or {}, str(record.get("session_id"))
    session = [h.a(sid, href=address.session(sid), class_="data")]
    name = " ".join(str(part) for part in (client.get("name"), client.get("version")) if part)
    rows = (
        ("Session", session),
        copied("Request id", record.get("request_id")),
        copied("Record id", record.get("id")),
        ("Client", name),
        copied("Directory", client.get("cwd")),
        copied("Agent", client.get("agent")),
        copied("Parent agent", client.get("parent_agent")),
        copied("Thread", client.get("thread")),
        ("Account", client.get("account")),
        *_program(client.get("process") or {}),
        ("Labels", ", ".join(f"{name}={value}" for name, value in (record.get("labels") or {}).items()) or None),
    )
    return panel("Who", facts(rows), id="identity", data_testid="identity")


def _program(process: Mapping[str, Any]) -> Any:
    """Show what the operating system reported about the calling program."""
    if not process:
        return ()
    begun = [", started ", dated(process["started_at"])] if process.get("started_at") else ""
    return (
        copied("Program", process.get("exe") or process.get("argv0")),
        ("Process", [str(process.get("pid")), begun]),
        copied("Started in", process.get("cwd")),
    )


def _wire(record: Mapping[str, Any]) -> Any:
    request, response = record.get("request") or {}, record.get("response") or {}
    rows = (
        ("Upstream", record.get("upstream")),
        copied("Address", record.get("upstream_url")),
        ("Dialect", record.get("dialect")),
        ("Category", record.get("category")),
        ("Requested model", record.get("model")),
        ("Model that answered", record.get("response_model")),
        ("Started", dated(record.get("started_at"))),
        ("Ended", dated(record.get("ended_at")) if record.get("ended_at") else None),
        ("Request body", figures.size(request.get("body_bytes"))),
        ("Response body", figures.size(response.get("body_bytes")) if response else None),
        ("Events in the stream", _maybe(response.get("raw_sse_frames_count") or None)),
    )
    return panel("Wire", facts(rows), id="wire")


def _capture(record: Mapping[str, Any]) -> Any:
    note = record.get("capture") or {}
    dropped = note.get("dropped_bytes")
    rows = (
        ("Secrets replaced", _maybe(note.get("redactions"))),
        ("Bytes not kept", figures.size(dropped) if dropped else None),
        ("Faults", ", ".join(map(str, note.get("faults") or ())) or "none"),
        ("Record format", f"version {record.get('schema_version')}"),
    )
    return panel("Capture", facts(rows), id="capture", data_testid="capture")


def _maybe(value: Any) -> str | None:
    return None if value is None else figures.exact(value)
