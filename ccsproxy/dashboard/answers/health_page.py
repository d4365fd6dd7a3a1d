"""The health page: whether anything was lost; sizes, lag, versions, ports."""

from collections.abc import Collection, Mapping
from typing import Any

from ccsproxy.dashboard.answers.limits_view import budgets_panel, limits_panel
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.facts import facts, panel, tiles
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.moments import dated
from ccsproxy.dashboard.notices import notices
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.store.reader.disk_use import DiskUse
from ccsproxy.store.reader.reader import Reader


def health_page(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page of the health."""
    health = service.health
    if health.get("hub"):
        return _hub_page(health, service)
    said = notices(health)
    body = [
        h.div(h.h1("Health"), class_="head"),
        h.p(_verdict(health, bool(said)), class_="lead", data_testid="verdict"),
        h.ul([h.li(sentence) for sentence in said]) if said else None,
        _sum(health),
        h.div(
            panel("The service", facts(_service(health, service)), id="service"),
            *_store(health, reader.disk_use()),
            _shipping(health.get("ship") or {}),
            class_="columns",
        ),
        limits_panel(service.insights.limits()),
        budgets_panel(service.insights.budget()),
    ]
    parts = [part for part in body if part is not None]
    return Page("Health", parts, "health", "health", back="/", styles=["sessions.css"])


def _hub_page(health: Mapping[str, Any], service: Service) -> Page:
    """Build the page of a hub, which knows what was shipped and not what the machines had to drop."""
    said = "What was dropped, and how far shipping is behind, is on the Health page of each machine."
    rows = [
        ("Reads", health["hub"]),
        ("Version", health.get("version")),
        ("Running since", dated(health.get("started_at"))),
    ]
    body = [
        h.div(h.h1("Health"), class_="head"),
        h.p("This hub shows what machines have shipped. ", said, class_="lead", data_testid="verdict"),
        panel("The hub", facts(rows), id="service"),
        limits_panel(service.insights.limits()),
    ]
    parts = [part for part in body if part is not None]
    return Page("Health", parts, "health", "health", back="/", styles=["sessions.css"])


def _dropped(health: Mapping[str, Any]) -> int:
    return sum((health.get("dropped") or {}).values())


def _verdict(health: Mapping[str, Any], troubled: bool) -> Any:
    since = dated(health.get("started_at"))
    dropped = _dropped(health)
    if dropped:
        return [f"{figures.plural(dropped, 'exchange')} had to be dropped since ", since, "."]
    return ["Nothing was dropped since ", since, ". There is something to look at:" if troubled else "."]


def _sum(health: Mapping[str, Any]) -> Any:
    """Show the equation that must hold at every moment."""
    names = ("accepted", "stored", "in_flight")
    shown = [(name.replace("_", " ").capitalize(), figures.exact(health.get(name))) for name in names]
    return tiles([*shown, ("Dropped", figures.exact(_dropped(health)))])


def _service(health: Mapping[str, Any], service: Service) -> list[tuple[str, Any]]:
    return [
        ("Version", health.get("version")),
        ("Process", str(health.get("pid") or "")),
        ("Running for", figures.duration((health.get("uptime_s") or 0) * 1000)),
        ("Proxy", ", ".join(service.proxies)),
        ("Upstreams", ", ".join(service.upstreams)),
        ("Capture", health.get("capture_level")),
        ("Secrets", "replaced" if health.get("redact", True) else "KEPT: --no-redact is on"),
        ("Recorder", health.get("recorder")),
        ("Relay processes", figures.exact(health.get("workers"))),
        *((f"Dropped: {reason}", figures.exact(count)) for reason, count in (health.get("dropped") or {}).items()),
    ]


def _store(health: Mapping[str, Any], disk: DiskUse | None) -> list[Any]:
    """Show the store and its index, without what the equation above already shows."""
    detail = health.get("store_detail") or {}
    index = detail.get("index") or {}
    own = [("State", health.get("store")), *_rows(detail, _SAID)]
    panels = [panel("The store", facts(own), id="store")]
    if index:
        panels.append(panel("The index", facts(_rows(index)), id="index"))
    if disk is not None:
        panels.append(panel("On the disk", facts(_sizes(disk)), id="disk", data_testid="disk"))
    return panels


def _sizes(disk: DiskUse) -> list[tuple[str, Any]]:
    return [
        ("Records", f"{figures.size(disk.segment_bytes)} in {figures.plural(disk.segments, 'segment')}"),
        ("Index", figures.size(disk.index_bytes)),
        ("Free", None if disk.free is None else figures.size(disk.free)),
    ]


_SAID = frozenset({"store", "accepted", "stored"})


def _rows(found: Mapping[str, Any], left_out: Collection[str] = ()) -> list[tuple[str, Any]]:
    return [
        (name.replace("_", " ").capitalize(), _sized(name, value))
        for name, value in found.items()
        if _is_plain(value) and name not in left_out
    ]


def _sized(name: str, value: Any) -> str:
    """Format a value; byte counts as sizes."""
    return figures.size(value) if name.endswith("bytes") else _value(value)


def _shipping(ship: Mapping[str, Any]) -> Any:
    """Show the state of each shipping target; empty if nothing is shipped."""
    rows = [(each["target"], _target(each)) for each in ship.get("targets") or ()]
    if not rows:
        return None
    rows.append(("Kept for them at most", figures.size(ship.get("hold_bytes"))))
    return panel("Shipping", facts(rows), id="ship")


def _target(each: Mapping[str, Any]) -> str:
    """Summarise the state of a target in one line."""
    lag = each.get("lag_s")
    parts = [
        f"{each['state']}: {each['trouble']}" if each.get("trouble") else str(each["state"]),
        f"{figures.exact(each['sent'])} taken",
        f"{figures.exact(each['refused'])} refused" if each["refused"] else "",
        f"at most {figures.exact(each['missed'])} missed" if each["missed"] else "",
        f"{figures.exact(each['deletions'])} deletions pending" if each["deletions"] else "",
        f"{figures.duration(lag * 1000)} behind" if lag else "",
    ]
    return ", ".join(part for part in parts if part)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _value(value: Any) -> str:
    return figures.exact(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
