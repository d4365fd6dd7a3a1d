"""The legend of a chart: what its colours mean."""

from typing import Any

from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.picture.svg import rect


def key(items: list[tuple[str, str, str]]) -> Any:
    """Show the meaning of a chart's colours: class, name and figure of each."""
    rows = []
    for kind, name, figure in items:
        swatch = h.svg(rect(0, 0, 10, 10, kind), viewBox="0 0 10 10", aria_hidden="true")
        rows.append(h.li(swatch, name, " ", h.span(figure, class_="figure")))
    return h.ul(rows, class_="key")
