"""Statistics by model, upstream, project and day."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.answers.limits_view import budgets_panel, limits_panel
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.chart_key import key
from ccsproxy.dashboard.html.facts import panel, tiles
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.svg import Bar, bars
from ccsproxy.dashboard.lists.overview_view import SPANS, Charts, charts_of, hit_rate, name_of, since_of, unit_of
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.reader import Reader

HEADS = (
    *("Calls", "Errors", "Input", "Cached", "Cache write", "Output"),
    *("First token p50", "p95", "Duration p50", "p95", "Cost"),
)
#: The most rows of one table, and findings of all sessions.
ROWS, FINDINGS = 100, 12


def overview_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page.

    :param given: ``span`` says how far back it looks.
    """
    span = given.get("span", "7d") if given.get("span") in SPANS else "7d"
    now, unit = datetime.now(UTC), unit_of(span)
    since = since_of(span, now)
    stats, times = reader.stats(since), reader.periods(unit, since)
    body = [
        h.div(h.h1("Overview"), _spans(span), class_="head"),
        _totals(stats["totals"]),
        findings_list(service.insights.findings_since(since)[:FINDINGS], titled=True),
        limits_panel(service.insights.limits()),
        budgets_panel(service.insights.budget()),
        _charts(charts_of(times, unit, since, now), unit) if times and span != "1h" else None,
        _table("By model", "Model", stats["models"], _model, "models"),
        _table("By upstream", "Upstream", stats["upstreams"], _upstream, "upstreams"),
        _table("By project", "Directory", reader.directories(since), _project, "projects"),
        _table(f"By {unit}", unit.capitalize(), times[::-1], _hour if unit == "hour" else _day, "days"),
    ]
    return Page(
        "Overview",
        [part for part in body if part is not None],
        "overview",
        "overview",
        back="/",
        styles=["sessions.css"],
    )


def _spans(chosen: str) -> Any:
    links = [
        h.a(title, href=f"/overview?span={name}", aria_current="page" if name == chosen else None)
        for name, (title, _) in SPANS.items()
    ]
    return h.nav(links, class_="spans", aria_label="Time")


def _totals(totals: Mapping[str, Any]) -> Any:
    errors = totals["errors"]
    return tiles(
        (
            ("Calls", figures.exact(totals["requests"])),
            ("Errors", f"{figures.exact(errors)}  ({figures.share(errors, totals['requests'])})" if errors else "0"),
            ("Input", figures.tokens(totals["input_tokens"])),
            ("Cached", figures.tokens(totals["cache_read_input_tokens"])),
            ("Output", figures.tokens(totals["output_tokens"])),
            ("From cache", hit_rate(totals)),
            ("First token p50", figures.duration(totals["ttft_p50_ms"])),
            ("Duration p50", figures.duration(totals["duration_p50_ms"])),
            ("Cost", [figures.total(totals["cost"], totals["unpriced"]), _lacking(totals)]),
        )
    )


def _lacking(totals: Mapping[str, Any]) -> Any:
    """Say which calls the sum of the costs lacks."""
    note = figures.lacking(totals["unpriced"], totals.get("unpriced_models") or ())
    return h.small(note, class_="muted", data_testid="unpriced") if note else None


def _charts(drawn: Charts, unit: str) -> Any:
    kinds = [("cached", "cached", ""), ("fresh", "input", ""), ("output", "output", "")]
    charts = (
        (f"Calls by {unit}", drawn.calls, [("stream", "complete", ""), ("bad", "errors", "")]),
        (f"Tokens by {unit}", drawn.tokens, kinds),
        (f"Cost by {unit}", drawn.cost, [("output", "US dollars, where prices are known", "")]),
    )
    axis = h.p(h.span(drawn.first), h.span(drawn.last), class_="axis")
    panels = [
        panel(name, _peak(shown), bars(shown, _said(shown, name), 600, 90), axis, key(colours))
        for name, shown, colours in charts
    ]
    return h.div(panels, class_="columns", data_testid="charts")


def _peak(drawn: Sequence[Bar]) -> Any:
    """Say what the highest bar stands for, as its top is the chart's."""
    return h.p(f"most: {max(drawn, key=lambda bar: bar.height).label}", class_="muted peak")


def _said(drawn: Sequence[Bar], label: str) -> str:
    """Say what a chart shows, for who cannot see it."""
    return f"{label}: " + "; ".join(bar.label for bar in drawn[-7:])


def _table(
    title: str, head: str, rows: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], Any], identity: str
) -> Any:
    if not rows:
        return None
    shown = [h.tr(h.th(name(row), scope="row"), _cells(row)) for row in rows[:ROWS]]
    left = len(rows) - len(shown)
    return h.section(
        h.h2(title),
        h.div(
            h.table(
                element("caption", title, class_="hidden-label"),
                h.thead(h.tr(h.th(head, scope="col"), [h.th(each, scope="col", class_="num") for each in HEADS])),
                h.tbody(shown),
                class_="rows",
            ),
            class_="scroll",
            tabindex="0",
            role="group",
            aria_label=title,
        ),
        h.p(f"{figures.plural(left, 'more row')} not shown.", class_="note") if left else None,
        class_="part",
        id=identity,
        data_testid=identity,
    )


def _cells(row: Mapping[str, Any]) -> list[Any]:
    errors = row["errors"]
    written = (
        figures.exact(row["requests"]),
        h.span(figures.exact(errors), class_="badge bad") if errors else "0",
        figures.tokens(row["input_tokens"]),
        figures.tokens(row["cache_read_input_tokens"]),
        figures.tokens(row["cache_creation_input_tokens"]),
        figures.tokens(row["output_tokens"]),
        figures.duration(row["ttft_p50_ms"]),
        figures.duration(row["ttft_p95_ms"]),
        figures.duration(row["duration_p50_ms"]),
        figures.duration(row["duration_p95_ms"]),
        figures.total(row["cost"], row["unpriced"]),
    )
    return [h.td(cell, class_="num") for cell in written]


def _model(row: Mapping[str, Any]) -> Any:
    model = row["model"]
    upstream = h.span(f" {row['upstream']}", class_="muted")
    if not model:
        return [h.span("no model", class_="muted"), upstream]
    return [h.a(model, href=address.requests(model=model, upstream=row["upstream"]), class_="data"), upstream]


def _upstream(row: Mapping[str, Any]) -> Any:
    return h.a(row["upstream"], href=address.requests(upstream=row["upstream"]))


def _project(row: Mapping[str, Any]) -> Any:
    if not row["cwd"]:
        return h.span("not known", class_="muted")
    return h.a(row["cwd"], href=address.requests(cwd=row["cwd"]), class_="data")


def _hour(row: Mapping[str, Any]) -> Any:
    hours = [datetime.fromtimestamp(row["start_ms"] / 1000 + more, UTC) for more in (0, 3600)]
    since, until = (hour.strftime("%Y-%m-%dT%H:%M:%SZ") for hour in hours)
    return h.a(f"{name_of(row['start_ms'], 'hour')} UTC", href=address.requests(since=since, until=until))


def _day(row: Mapping[str, Any]) -> Any:
    day = datetime.fromtimestamp(row["start_ms"] / 1000, UTC)
    until = datetime.fromtimestamp(row["start_ms"] / 1000 + 86_400, UTC)
    return h.a(
        day.strftime("%a %-d %b %Y"), href=address.requests(since=day.strftime("%Y-%m-%d"), until=f"{until:%Y-%m-%d}")
    )
