"""A chart of how a session's context grows from call to call, with links to the steps, an axis and a table."""

from collections.abc import Sequence
from typing import Any

from ccsproxy.dashboard.html.figures import tokens
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.picture.chart_key import key
from ccsproxy.dashboard.html.picture.svg import rect
from ccsproxy.dashboard.session.flow import PlacedStep
from ccsproxy.dashboard.session.outline import place

#: Bars of one chart; of longer sessions the last ones are drawn. Units across and down.
MOST, WIDE, TALL = 300, 1000, 80
#: Bars of a short session are as wide as if there were this many; wider ones show nothing more.
_FEWEST = 24
_KEY = [
    ("cached", "read from the cache", ""),
    ("fresh", "new", ""),
    ("output", "output", ""),
    ("bad", "cache missed", ""),
]
_LOST = frozenset({"miss", "changed", "expired"})
#: Turns closer to one another than this share of the width have no room for their numbers.
_ROOM = 0.02


def context_chart(sid: str, steps: Sequence[PlacedStep]) -> Any:
    """Draw the chart; nothing of less than two steps."""
    known = [each for each in steps if each.description["input_tokens"] is not None][-MOST:]
    if len(known) < 2:
        return None
    highest = max(sum(_parts(each)) for each in known) or 1
    step = WIDE / max(len(known), _FEWEST)
    drawn = [_bar(sid, each, number * step, step, highest) for number, each in enumerate(known)]
    chart = h.svg(
        *drawn,
        class_="chart linked",
        viewBox=f"0 0 {WIDE} {TALL}",
        preserveAspectRatio="none",
        role="group",
        aria_label=f"Context of {len(known)} steps; the largest has {tokens(highest)} tokens",
    )
    return h.figure(
        element("figcaption", "Context by step ", h.span(f"up to {tokens(highest)} tokens", class_="muted")),
        h.div(
            h.p(h.span(tokens(highest)), h.span("0"), class_="scale", aria_hidden="true"),
            h.div(chart, _turns(known)),
            class_="plot",
        ),
        key(_KEY),
        class_="growth",
        data_testid="growth",
    )


def _turns(known: Sequence[PlacedStep]) -> Any:
    """Write the number of each turn below its first bar, if there is room."""
    drawn, before = [], -1.0
    for at, each in enumerate(known):
        opens = at == 0 or each.turn["number"] != known[at - 1].turn["number"]
        place_of = at / max(len(known), _FEWEST)
        if opens and place_of - before >= _ROOM and each.turn["number"]:
            before = place_of
            drawn.append(element("text", str(each.turn["number"]), x=f"{100 * before:.2f}%", y="11"))
    return h.svg(h.title("Turns"), *drawn, class_="turn-axis", aria_hidden="true")


def _parts(each: PlacedStep) -> tuple[int, int, int]:
    description = each.description
    read = description["cached_tokens"] or 0
    return read, (description["input_tokens"] or 0) - read, description["output_tokens"] or 0


def _bar(sid: str, each: PlacedStep, x: float, step: float, highest: float) -> Any:
    cached, fresh, output = _parts(each)
    name = f"Turn {each.turn['number']}, step {each.number}"
    label = f"{name}: {tokens(cached)} cached, {tokens(fresh)} new, {tokens(output)} out"
    drawn, top = [], float(TALL)
    for value, kind in ((cached, "cached"), (fresh, "fresh"), (output, "output")):
        if value > 0:
            height = max(value / highest * TALL, 1.2)
            top -= height
            drawn.append(rect(x, top, step * 0.85, height, kind))
    if each.description["cache"] in _LOST:
        drawn.append(rect(x, 0, step * 0.85, 3, "bad"))
        label += ", cache missed"
    # Not reachable by Tab, because there may be hundreds; the outline has the same links.
    return h.a(
        h.title(label), rect(x, 0, step, TALL, "hover"), *drawn, href=place(sid, each.seq), tabindex="-1",
        aria_label=label,
    )  # fmt: skip
