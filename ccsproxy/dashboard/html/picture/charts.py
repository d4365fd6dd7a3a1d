"""Charts: an axis with values, values on hover, and the same values in a table."""

from collections.abc import Callable, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.html.facts import panel
from ccsproxy.dashboard.html.markup import element, h
from ccsproxy.dashboard.html.picture.chart_key import key
from ccsproxy.dashboard.html.picture.svg import Bar, bars, picture, rect

WIDE, TALL = 600, 100


@attr.frozen
class BarChart:
    """Bars over time.

    :ivar names: the time of each bar.
    :ivar write: formats a value of the axis.
    :ivar kinds: class and name of the stacked values.
    """

    title: str
    drawn: Sequence[Bar]
    names: Sequence[str]
    write: Callable[[float | None], str]
    kinds: Sequence[tuple[str, str]]


@attr.frozen
class ChartLine:
    """One line of a chart.

    :ivar values: one for each time; None if unknown.
    :ivar kind: its class.
    """

    name: str
    values: Sequence[float | None]
    kind: str


@attr.frozen
class LineChart:
    """A chart of lines over time."""

    title: str
    lines: Sequence[ChartLine]
    names: Sequence[str]
    write: Callable[[float | None], str]


def bar_chart(chart: BarChart) -> Any:
    """Draw bars with an axis and a table."""
    highest = max((bar.height for bar in chart.drawn), default=0)
    # A screen reader speaks the label in one go: a week is bearable, the table below has the rest.
    described = f"{chart.title}: " + "; ".join(bar.label for bar in chart.drawn[-7:])
    rows = [
        (name, [chart.write(_part(bar, kind)) for kind, _ in chart.kinds])
        for name, bar in zip(chart.names, chart.drawn, strict=True)
        if bar.height
    ]
    return panel(
        chart.title,
        _plot(bars(chart.drawn, described, WIDE, TALL), chart.write, highest, chart.names),
        key([(kind, name, "") for kind, name in chart.kinds]),
        _table([name for _, name in chart.kinds], rows, chart.title),
        data_testid="chart",
    )


def _part(bar: Bar, kind: str) -> float:
    return sum(value for value, class_ in bar.parts if class_ == kind)


def line_chart(chart: LineChart) -> Any:
    """Draw lines with an axis and a table; None if there are no values."""
    known = [value for line in chart.lines for value in line.values if value is not None]
    if not known:
        return None
    # A little air above the highest value; where all are zero the heights would be divided by zero.
    highest = max(known) * 1.05 or 1.0
    step = WIDE / max(len(chart.names), 1)
    drawn = [_line(line, step, highest) for line in chart.lines]
    drawn += [_hover(chart, at, step) for at in range(len(chart.names))]
    label = f"{chart.title}: " + "; ".join(
        f"{line.name} {chart.write(next((value for value in reversed(line.values) if value is not None), None))}"
        for line in chart.lines
    )
    rows = [
        (name, [chart.write(line.values[at]) for line in chart.lines])
        for at, name in enumerate(chart.names)
        if any(line.values[at] is not None for line in chart.lines)
    ]
    return panel(
        chart.title,
        _plot(picture(drawn, label, WIDE, TALL, "chart tall"), chart.write, highest, chart.names),
        key([(f"line-{line.kind}", line.name, "") for line in chart.lines]),
        _table([line.name for line in chart.lines], rows, chart.title),
        data_testid="chart",
    )


def _line(line: ChartLine, step: float, highest: float) -> Any:
    """Draw a line; unknown values are gaps, a single value is a dot."""
    pieces: list[list[str]] = [[]]
    for at, value in enumerate(line.values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{(at + 0.5) * step:.1f},{TALL - value / highest * TALL:.1f}")
    drawn = []
    for piece in pieces:
        if len(piece) == 1:
            x, y = map(float, piece[0].split(","))
            drawn.append(rect(x - 3, y - 1.5, 6, 3, f"line-{line.kind}"))
        elif piece:
            drawn.append(element("polyline", points=" ".join(piece), class_=f"line {line.kind}"))
    return drawn


def _hover(chart: LineChart, at: int, step: float) -> Any:
    described = ", ".join(f"{line.name} {chart.write(line.values[at])}" for line in chart.lines)
    return rect(at * step, 0, step, TALL, "hover", f"{chart.names[at]}: {described}")


def _plot(drawn: Any, write: Callable[[float | None], str], highest: float, names: Sequence[str]) -> Any:
    """Put axes around a chart: values at the left, times below."""
    scale = h.p(
        h.span(write(highest)), h.span(write(highest / 2)), h.span(write(0)), class_="scale", aria_hidden="true"
    )
    middle = names[len(names) // 2] if len(names) > 2 else ""
    axis = h.p(h.span(names[0]), h.span(middle), h.span(names[-1]), class_="axis", aria_hidden="true")
    return h.div(scale, h.div(drawn, axis), class_="plot")


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], title: str) -> Any:
    """Write the values of a chart as a folded table, the newest first."""
    shown = [
        h.tr(h.th(name, scope="row"), [h.td(value, class_="num") for value in values]) for name, values in rows[::-1]
    ]
    return h.details(
        h.summary("Values"),
        h.table(
            element("caption", title, class_="hidden-label"),
            h.thead(h.tr(h.td(""), [h.th(head, scope="col", class_="num") for head in heads])),
            h.tbody(shown),
            class_="split",
        ),
        class_="chart-table",
    )
