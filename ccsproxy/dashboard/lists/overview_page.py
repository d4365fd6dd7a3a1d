"""The overview of a period, live: spending, cache, errors, speeds, limits and budgets."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ccsproxy.dashboard.answers.findings_view import findings_list
from ccsproxy.dashboard.answers.limits_view import budgets_panel, limits_panel
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import panel, tiles
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.picture.charts import bar_chart, line_chart
from ccsproxy.dashboard.lists.overview_tables import errors_table, missed_table, offered, split_table, stalls_table
from ccsproxy.dashboard.lists.overview_view import SPANS, TimeRange, charts_of, hit_rate, range_of, speed_charts
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.query import Query
from ccsproxy.store.reader.aggregates.stats import LENGTHS
from ccsproxy.store.reader.reader import Reader

#: Findings of all sessions.
FINDINGS = 12


def overview_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Build the page.

    :param given: ``span`` selects the period, ``since`` and ``until`` a custom one; ``by`` splits the cost.
    :raises QueryError: if a time cannot be parsed.
    """
    now = datetime.now(UTC)
    time = range_of(given, now)
    groups = offered(service.insights.groups)
    by = given.get("by", "project") if given.get("by") in groups else "project"
    live = h.div(_content(reader, service, time, by, now, groups), id="live-part", data_after="5000")
    return Page(
        "Overview",
        [h.div(h.h1("Overview"), _spans(time, by), class_="head"), _own_range(given, time, by), live],
        "overview",
        "overview",
        ["sessions.js"],
        back="/sessions",
        styles=["sessions.css"],
    )


def _content(
    reader: Reader, service: Service, time: TimeRange, by: str, now: datetime, groups: Sequence[str]
) -> list[Any]:
    query = Query(since=time.since, until=time.until)
    # Sums are precomputed by time slots from a beginning up to now; a period that has ended is summed up anew.
    totals = reader.stats(time.since)["totals"] if time.until is None else reader.totals(query)
    rows = [
        row for row in reader.periods(time.unit, time.since) if time.until is None or row["start_ms"] < time.until
    ]
    found = [each for each in service.insights.findings_since(time.since) if time.until is None]
    speeds = reader.speeds(time.since, time.until, LENGTHS[time.unit])
    drawn = [bar_chart(chart) for chart in charts_of(rows, time, now)] if rows else []
    drawn += [line_chart(chart) for chart in speed_charts(rows, speeds, time, now)] if rows else []
    parts = [
        _totals(totals),
        findings_list(found[:FINDINGS], titled=True, shown=5),
        h.div(limits_panel(service.insights.limits()), budgets_panel(service.insights.budget()), class_="cards"),
        split_table(by, service.insights.cost_rows(by, query), _links(time, groups), _since(time)),
        _cache(totals, found),
        errors_table(service.failures.by_cause(time.since, time.until)),
        stalls_table(service.insights.stalls(time.since, time.until)),
        h.div(drawn, class_="columns", data_testid="charts") if drawn else None,
    ]
    return [part for part in parts if part is not None]


def _spans(time: TimeRange, by: str) -> Any:
    links = [
        h.a(
            title,
            href=f"/overview?{urlencode({'span': name, 'by': by})}",
            aria_current="page" if name == time.name else None,
        )
        for name, (title, _) in SPANS.items()
    ]
    return h.nav(links, class_="spans", aria_label="Time")


def _own_range(given: Mapping[str, str], time: TimeRange, by: str) -> Any:
    """Write the form for a custom period."""
    fields = [
        h.div(
            h.label(title, for_=f"range-{name}"),
            h.input(id=f"range-{name}", name=name, type="datetime-local", value=given.get(name, "")),
            class_="field",
        )
        for name, title in (("since", "From (UTC)"), ("until", "Before (UTC)"))
    ]
    form = h.form(
        h.input(type="hidden", name="by", value=by),
        fields,
        h.button("Show", type="submit"),
        action="/overview",
        class_="range",
        aria_label="Own range",
    )
    return h.details(h.summary("Own range"), form, class_="filters", open=time.name == "own")


def _links(time: TimeRange, groups: Sequence[str]) -> dict[str, str]:
    own = {"span": time.name}
    if time.name == "own":
        moments = {"since": time.since, "until": time.until}
        own = {name: _written(at) for name, at in moments.items() if at is not None}
    return {name: f"/overview?{urlencode({**own, 'by': name})}#split" for name in groups}


def _written(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _since(time: TimeRange) -> str:
    """Write the same time in the query language."""
    since = f"since:{_written(time.since)}" if time.since is not None else ""
    until = f"until:{_written(time.until)}" if time.until is not None else ""
    return f"{since} {until}".strip()


def _totals(totals: Mapping[str, Any]) -> Any:
    errors = totals["errors"]
    read = totals["cache_read_input_tokens"]
    known = [totals[name] for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    # Without the input itself, the cached parts would be shown as whole prompts, which is too small.
    whole = sum(each or 0 for each in known) if known[0] is not None else None
    return tiles(
        (
            ("Cost", [figures.total(totals["cost"], totals["unpriced"]), _lacking(totals)]),
            ("Calls", figures.exact(totals["requests"])),
            (
                "Errors",
                f"{figures.exact(errors)}  ({figures.percent(errors, totals['requests'])})" if errors else "0",
            ),
            ("Prompts", figures.tokens(whole)),
            ("From cache", hit_rate(totals)),
            ("New", figures.tokens(None if whole is None else whole - (read or 0))),
            ("Output", figures.tokens(totals["output_tokens"])),
            ("First token, p50", figures.duration(totals.get("ttft_p50_ms"))),
            ("First token, p95", figures.duration(totals.get("ttft_p95_ms"))),
        )
    )


def _lacking(totals: Mapping[str, Any]) -> Any:
    """Show which calls the sum of the costs lacks."""
    note = figures.lacking(totals["unpriced"])
    return h.small(note, class_="muted lacks", data_testid="unpriced") if note else None


def _cache(totals: Mapping[str, Any], found: list[dict[str, Any]]) -> Any:
    """Show how much of the prompts came from the cache, and what misses cost, session by session."""
    missed = [each for each in found if each["kind"] == "cache"]
    if not missed:
        return None
    priced = [each["cost"] for each in missed if each["cost"] is not None]
    more = len(missed) - len(priced)
    bound = "≥ " if more else ""
    sentence = (
        f"{hit_rate(totals)} of what was sent was read from the cache; misses cost {bound}"
        f"{figures.dollars(sum(priced) if priced else None)} in {figures.plural(len(missed), 'session')}."
    )
    return panel("Cache", h.p(sentence), missed_table(missed), id="cache", data_testid="cache")
