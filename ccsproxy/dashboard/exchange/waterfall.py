"""The time of an exchange as a waterfall, one row per part, and the rhythm of the answer below."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccsproxy.dashboard.exchange.timing_view import Timeline, TimeSpan, timeline_of
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import facts, panel
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.picture.svg import picture, rect

WIDE, TALL, BEAT = 1000, 12, 34
#: Into how many pieces the time is cut for the rhythm of the answer.
BEATS = 100


def waterfall(record: Mapping[str, Any]) -> Any:
    """Show how the time was spent, as a chart and as a table."""
    line = timeline_of(record)
    if line is None:
        return panel("Time", h.p("nothing known", class_="muted"), id="timing", data_testid="timing")
    rows = [_row(span.name, span, line) for span in line.spans]
    rows += [_row("Stall at the provider", stall, line) for stall in line.silences[:6]]
    table = h.table(
        element("caption", "Where the time went", class_="hidden-label"), h.tbody(rows), class_="waterfall"
    )
    return panel("Time", table, _rhythm(record, line), _notes(record, line), id="timing", data_testid="timing")


def _row(name: str, span: TimeSpan, line: Timeline) -> Any:
    start, width = span.start / line.end * WIDE, max(span.length / line.end * WIDE, 2.0)
    label = f"{name}: {figures.duration(span.length)}, from {figures.duration(span.start)}"
    # At the very end two units are kept, so that a span without length is seen.
    drawn = [rect(0, 0, WIDE, TALL, "track"), rect(min(start, WIDE - 2), 0, width, TALL, span.kind)]
    return h.tr(
        h.th(name, scope="row"),
        h.td(picture(drawn, label, WIDE, TALL, "chart thin"), class_="bar-cell"),
        h.td(figures.duration(span.length), class_="num"),
    )


def _rhythm(record: Mapping[str, Any], line: Timeline) -> Any:
    """Draw how many bytes arrived when: a steady stream is an even row, a stall is a gap."""
    chunks = _chunks(record)
    if len(chunks) < 3:
        return None
    beats = [0.0] * BEATS
    for at, size in chunks:
        beats[min(int(at / line.end * BEATS), BEATS - 1)] += size
    most, step = max(beats) or 1.0, WIDE / BEATS
    drawn = [rect(0, BEAT - 1, WIDE, 1, "track")]
    for number, size in enumerate(beats):
        if size:
            tall = max(size / most * BEAT, 2.0)
            drawn.append(rect(number * step, BEAT - tall, step * 0.8, tall, "output", figures.size(size)))
    drawn += [_stall(stall, line) for stall in line.silences]
    total = sum(size for _, size in chunks)
    caption = f"{figures.plural(len(chunks), 'piece')}, {figures.size(total)} in {figures.duration(line.end)}"
    return h.figure(
        element("figcaption", "Rhythm of the answer ", h.span(caption, class_="muted")),
        picture(drawn, f"When the answer came: {caption}", WIDE, BEAT, "chart beat"),
        h.p(h.span("0"), h.span(figures.duration(line.end)), class_="axis"),
        class_="rhythm",
    )


def _stall(stall: TimeSpan, line: Timeline) -> Any:
    start = stall.start / line.end * WIDE
    return rect(start, 0, max(stall.length / line.end * WIDE, 2.0), 4, "stall", figures.duration(stall.length))


def _chunks(record: Mapping[str, Any]) -> list[tuple[float, float]]:
    stream = (record.get("response") or {}).get("stream") or {}
    return [
        (float(each[0]), float(each[1]))
        for each in stream.get("chunks") or []
        if isinstance(each, list | tuple) and len(each) >= 2 and float(each[0]) >= 0
    ]


def _notes(record: Mapping[str, Any], line: Timeline) -> Any:
    timing = record.get("timing") or {}
    overhead = timing.get("overhead_us")
    return facts(
        (
            ("Connection", "reused" if timing.get("reused") else None),
            ("Longest silence", figures.duration(timing.get("max_gap")) if timing.get("max_gap") else None),
            ("Stalls", _stalls(line.silences)),
            ("Output", _rate(record)),
            ("Added by the proxy", figures.duration(overhead / 1000) if isinstance(overhead, int | float) else None),
        )
    )


def _stalls(silences: Sequence[TimeSpan]) -> str | None:
    if not silences:
        return None
    total = sum(span.length for span in silences)
    return f"{len(silences)} at the provider, {figures.duration(total)} in total; none caused by the proxy"


def _rate(record: Mapping[str, Any]) -> str | None:
    """Format the rate of tokens after the first one."""
    count = (record.get("usage") or {}).get("output_tokens")
    whole, first = record.get("duration_ms"), record.get("ttft_ms")
    # What arrived within 50 ms was one piece; its rate would be that of a buffer, not of the model.
    if not count or whole is None or first is None or whole - first < 50:
        return None
    return f"{count / (whole - first) * 1000:.0f} tokens a second"
