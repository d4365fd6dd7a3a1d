"""Any JSON value as a foldable tree, for formats without a view of their own."""

from collections.abc import Iterable
from typing import Any

from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dashboard.html.figures import plural
from ccsproxy.dashboard.html.markup import h

#: Levels that are open, members that are shown of one value, levels that there may be.
OPEN, MEMBERS, DEEPEST = 2, 300, 40


def tree(value: Any, budget: RenderBudget, level: int = 0) -> Any:
    """Show a value.

    :param budget: the page's room; what does not fit is counted.
    """
    if isinstance(value, dict):
        return _members(value.items(), len(value), "{}", budget, level)
    if isinstance(value, list):
        return _members(enumerate(value), len(value), "[]", budget, level)
    return h.span(_scalar(value, budget), class_=_class(value))


def _members(pairs: Iterable[tuple[Any, Any]], count: int, brackets: str, budget: RenderBudget, level: int) -> Any:
    if not count:
        return h.span(brackets, class_="muted")
    # A level is three calls deep here, and Python allows a thousand: a body may nest values without end.
    if level > DEEPEST:
        return h.span("nested too deeply to be shown", class_="cut")
    shown = []
    for number, (key, value) in enumerate(pairs):
        if number >= MEMBERS or not budget.element():
            shown.append(h.li(f"{plural(count - number, 'more member')}", class_="muted"))
            break
        shown.append(_member(str(key), value, budget, level))
    return h.ul(shown, class_="tree")


def _member(key: str, value: Any, budget: RenderBudget, level: int) -> Any:
    if isinstance(value, dict | list) and value:
        kind = "{…}" if isinstance(value, dict) else "[…]"
        head = h.summary(h.span(key, class_="k"), h.span(f" {kind} {len(value)}", class_="muted"))
        return h.li(h.details(head, tree(value, budget, level + 1), open=level < OPEN))
    return h.li(h.span(key, class_="k"), ": ", tree(value, budget, level + 1))


def _scalar(value: Any, budget: RenderBudget) -> Any:
    if isinstance(value, str):
        shown = budget.take(value, 20_000)
        rest = f"… {plural(len(value) - len(shown), 'more character')}" if len(shown) < len(value) else ""
        return h.pre(f'"{shown}"{rest}')
    return "null" if value is None else "true" if value is True else "false" if value is False else repr(value)


def _class(value: Any) -> str:
    return "s" if isinstance(value, str) else "kc" if value is None or isinstance(value, bool) else "n-"
