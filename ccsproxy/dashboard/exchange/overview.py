"""The overview of an exchange: what happened, how long each part took, what it used, and what capture has to say."""

from collections.abc import Mapping
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.exchange.context_view import ContextPart, context_of
from ccsproxy.dashboard.exchange.timing_view import Span, Timeline, timeline_of
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import copied, facts, panel, tiles
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.svg import picture, rect
from ccsproxy.dashboard.html.words import state_of
from ccsproxy.dialects.views.view import RequestView

WIDE, TALL = 1000, 14


def overview(record: Mapping[str, Any], view: RequestView, cost: str) -> list[Any]:
    """Write the overview tab of an exchange."""
    usage = record.get("usage") or {}
    return [
        _error(record),
        tiles(
            (
                ("Duration", figures.duration(record.get("duration_ms"))),
                ("First token", figures.duration(record.get("ttft_ms"))),
                ("Input", figures.tokens(usage.get("input_tokens"))),
                ("Cached", figures.tokens(usage.get("cache_read_input_tokens"))),
                ("Output", figures.tokens(usage.get("output_tokens"))),
                ("Cost", cost),
                ("Ended because", record.get("stop_reason")),
            )
        ),
        _timing(record),
        h.div(_usage(usage), _context(view), _identity(record), _wire(record), _capture(record), class_="columns"),
    ]


def _error(record: Mapping[str, Any]) -> Any:
    error = record.get("error") or {}
    if record.get("outcome") in ("complete", None) and not error:
        return None
    meaning = state_of(record.get("outcome")).meaning
    said = [h.strong(str(error.get("kind") or "")), " ", str(error.get("message") or "")] if error else None
    partial = " What came of the answer is kept." if record.get("partial") and record.get("response") else ""
    return h.div(h.p(meaning + partial), h.p(said) if said else None, class_="note bad", id="error", role="note")


def _timing(record: Mapping[str, Any]) -> Any:
    line = timeline_of(record)
    if line is None:
        return panel("Timing", h.p("nothing known", class_="muted"), id="timing")
    told = ", ".join(f"{span.name} {figures.duration(span.length)}" for span in line.spans)
    timing = record.get("timing") or {}
    note = facts(
        (
            ("Connection", "reused" if timing.get("reused") else None),
            ("Longest silence", figures.duration(timing.get("max_gap")) if timing.get("max_gap") else None),
            ("Added by the proxy", _microseconds(timing.get("overhead_us"))),
        )
    )
    return panel("Timing", _bar(line, told), _key(line), note, id="timing", data_testid="timing")


def _bar(line: Timeline, told: str) -> Any:
    drawn = [rect(0, 0, WIDE, TALL, "track")]
    drawn += [_drawn(span, line.end) for span in (*line.spans, *line.silences)]
    return picture(drawn, told, WIDE, TALL, "chart thin")


def _drawn(span: Span, end: float) -> Any:
    start, width = span.start / end * WIDE, max(span.length / end * WIDE, 1.0)
    label = f"{span.name}: {figures.duration(span.length)}, from {figures.duration(span.start)}"
    return rect(min(start, WIDE - 1), 0, width, TALL, span.kind, label)


def _key(line: Timeline) -> Any:
    items = [(span.kind, span.name, figures.duration(span.length)) for span in line.spans]
    if line.silences:
        total = sum(span.length for span in line.silences)
        items.append(("stall", figures.plural(len(line.silences), "silence"), figures.duration(total)))
    return key(items)


def key(items: list[tuple[str, str, str]]) -> Any:
    """Say what the colours of a chart mean: class, name and figure of each."""
    rows = []
    for kind, name, figure in items:
        swatch = h.svg(rect(0, 0, 10, 10, kind), viewBox="0 0 10 10", aria_hidden="true")
        rows.append(h.li(swatch, name, " ", h.span(figure, class_="figure")))
    return h.ul(rows, class_="key")


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


def _context(view: RequestView) -> Any:
    parts = context_of(view)
    if not parts:
        return None
    whole = sum(part.characters for part in parts)
    drawn, at = [], 0.0
    for part in parts:
        width = part.characters / whole * WIDE
        drawn.append(rect(at, 0, width, TALL, part.kind, f"{part.name}: {figures.exact(part.characters)}"))
        at += width
    items = [(part.kind, part.name, _share(part, whole)) for part in parts]
    label = "What the context is made of: " + ", ".join(f"{name} {figure}" for _, name, figure in items)
    return panel("Context, in characters", picture(drawn, label, WIDE, TALL, "chart thin"), key(items), id="context")


def _share(part: ContextPart, whole: int) -> str:
    return f"{figures.tokens(part.characters)} ({100 * part.characters / whole:.0f} %)"


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
    """Say what the system told of the program that called."""
    if not process:
        return ()
    begun = f", started {figures.stamp(process['started_at'])}" if process.get("started_at") else ""
    return (
        copied("Program", process.get("exe") or process.get("argv0")),
        ("Process", f"{process.get('pid')}{begun}"),
        copied("Started in", process.get("cwd")),
    )


def _wire(record: Mapping[str, Any]) -> Any:
    request, response = record.get("request") or {}, record.get("response") or {}
    rows = (
        ("Upstream", record.get("upstream")),
        copied("Address", record.get("upstream_url")),
        ("Dialect", record.get("dialect")),
        ("Category", record.get("category")),
        ("Model asked for", record.get("model")),
        ("Model that answered", record.get("response_model")),
        ("Started", figures.stamp(record.get("started_at"))),
        ("Ended", figures.stamp(record.get("ended_at")) if record.get("ended_at") else None),
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


def _microseconds(value: Any) -> str | None:
    return f"{value:,.0f} µs" if isinstance(value, int | float) else None
