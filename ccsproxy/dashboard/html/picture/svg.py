"""Charts drawn by the server as SVG: every position is an attribute, every colour a style class."""

from collections.abc import Sequence
from typing import Any

import attr

from ccsproxy.dashboard.html.markup import element, h

#: Width and height of a strip in its own units; the style sheet sets the displayed size.
WIDE, TALL = 600, 48
#: No bar is wider than if there were so many.
_FEWEST = 12


@attr.frozen
class Bar:
    """One bar of a chart.

    :ivar parts: the stacked heights in the chart's unit, each with its class; the first is at the bottom.
    :ivar label: its tooltip.
    """

    parts: Sequence[tuple[float, str]]
    label: str = ""

    @property
    def height(self) -> float:
        """The sum of the heights of its parts."""
        return sum(value for value, _ in self.parts)


def bars(given: Sequence[Bar], label: str, wide: int = WIDE, tall: int = TALL, most: float | None = None) -> Any:
    """Draw bars side by side, each with a visible minimum height.

    :param label: the chart's description for screen readers.
    :param most: the value at the top edge; the highest bar's if None.
    """
    highest = most or max((bar.height for bar in given), default=0) or 1
    step = wide / max(len(given), 1)
    gap = min(step * 0.25, 3)
    # Few bars are not drawn wide: each is in the middle of its place.
    width = min(step - gap, wide / _FEWEST)
    spare = step - gap - width
    drawn = [_stack(bar, number * step + spare / 2, width, tall, highest) for number, bar in enumerate(given)]
    return picture(drawn, label, wide, tall)


def picture(drawn: Sequence[Any], label: str, wide: int, tall: int, class_: str = "chart") -> Any:
    """Put drawn elements into an SVG that scales with the page."""
    return h.svg(
        *drawn,
        class_=class_,
        viewBox=f"0 0 {wide} {tall}",
        # Stretched to the room there is: nothing drawn is text, which stretching would deform.
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def rect(x: float, y: float, width: float, height: float, class_: str, label: str = "") -> Any:
    """Draw a rectangle with a label for readers."""
    return element(
        "rect",
        h.title(label) if label else None,
        x=_number(x),
        y=_number(y),
        width=_number(max(width, 0)),
        height=_number(max(height, 0)),
        class_=class_,
    )


def _stack(bar: Bar, x: float, width: float, tall: int, highest: float) -> Any:
    drawn, top = [], float(tall)
    for value, class_ in bar.parts:
        height = value / highest * tall
        if value > 0:
            height = max(height, 1.5)
            top -= height
            drawn.append(rect(x, top, width, height, class_))
    return h.g(h.title(bar.label) if bar.label else None, *drawn)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
