"""Tables of answers: a head, rows, and a frame that scrolls by itself where a page is narrower."""

from collections.abc import Collection, Sequence
from typing import Any

from ccsproxy.dashboard.html.markup import element, h


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Any], numbers: Collection[str] = (), **attributes: Any
) -> Any:
    """Write a table.

    :param caption: what it is, for who cannot see it.
    :param numbers: the heads whose columns are figures, which stand at the right.
    """
    head = [h.th(name, scope="col", class_="num" if name in numbers else None) for name in heads]
    return h.div(
        h.table(
            element("caption", caption, class_="hidden-label"), h.thead(h.tr(head)), h.tbody(rows), class_="rows"
        ),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=caption,
        **attributes,
    )
