"""The outline of a session: a line per turn with its cost, cache result, time and errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ccsproxy.dashboard import address
from ccsproxy.dashboard.html.figures import clipped, plural, total
from ccsproxy.dashboard.html.markup import h
from ccsproxy.insight.words import seconds

Turn = Mapping[str, Any]

#: The name of a turn's cache state, by the worst of its steps.
_STATES = {
    "full": ("●", "nothing of the cache was lost"),
    "part": ("◐", "the cache was read only in part"),
    "lost": ("○", "the cache was missed"),
    "none": ("", "no cache"),
}
_LOST = frozenset({"miss", "changed", "expired", "rewritten"})
#: Number of widths that a bar may have, one CSS class each, because the policy forbids style attributes.
STEPS = 20


def outline(sid: str, conversation: Mapping[str, Any] | None) -> Any:
    """Write the outline; nothing while no turn has ended."""
    turns = list((conversation or {}).get("turns", ()))
    most = max((turn["cost"] or 0.0 for turn in turns), default=0.0)
    lines = [outline_line(sid, turn, most) for turn in turns]
    return h.nav(
        h.h2("Turns ", h.span(str(len(lines)), class_="muted")),
        h.ol(lines, id="outline", class_="outline"),
        aria_label="Turns",
        class_="turns",
        data_testid="outline",
    )


def outline_line(sid: str, turn: Turn, most: float) -> Any:
    """Write the line of a turn.

    :param most: the cost of the most expensive turn, whose bar has full length.
    """
    first = turn["steps"][0]["seq"] if turn["steps"] else 1
    mark, meaning = _STATES[cache_state(turn)]
    width = round(STEPS * (turn["cost"] or 0.0) / most) if most else 0
    errors = turn["errors"]
    return h.li(
        h.a(
            h.span(str(turn["number"] or ""), class_="number"),
            h.span(clipped(turn["prompt"] or "before the first message", 80), class_="prompt", dir="auto"),
            h.span(mark, class_=f"cache-dot {cache_state(turn)}", title=meaning, role="img", aria_label=meaning)
            if mark
            else None,
            h.span(class_=f"cost-bar w{width}", aria_hidden="true"),
            h.span(total(turn["cost"], turn["unpriced"]), class_="cost"),
            h.span(seconds(turn["seconds"]), class_="seconds muted"),
            h.span(plural(errors, "error"), class_="bad-figure") if errors else None,
            href=f"{address.session(sid, **{'from': str(first)})}#turn-{turn['number']}",
            class_="stop",
        ),
        id=f"line-{turn['number']}",
        data_turn=str(turn["number"]),
    )


def cache_state(turn: Turn) -> str:
    """Return ``full``, ``part`` or ``lost``: the worst of a turn's own steps; ``none`` if nothing is known."""
    verdicts = {step["cache"] for step in turn["steps"]}
    if verdicts & _LOST:
        return "lost"
    if "partial" in verdicts:
        return "part"
    return "full" if verdicts & {"hit", "cold"} else "none"


def steps_under(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield steps with those of the sub-agents that they began."""
    for step in steps:
        yield step
        for agent in step["agents"]:
            yield from steps_under(agent["steps"])


def jumps(sid: str, conversation: Mapping[str, Any] | None) -> Any:
    """Link to the costliest, slowest and largest step, the first cache miss, and the first failure."""
    steps = [each for turn in (conversation or {}).get("turns", ()) for each in turn["steps"]]
    if len(steps) < 2:
        return None
    found = (
        ("costliest", max(steps, key=lambda step: step["cost"] or 0.0)),
        ("slowest", max(steps, key=lambda step: step["seconds"])),
        ("largest", max(steps, key=lambda step: step["input_tokens"] or 0)),
        ("missed", next((step for step in steps if step["cache"] in _LOST), None)),
        ("failed", next((step for step in steps if step["retries"] or step["outcome"] != "complete"), None)),
    )
    links = [
        h.li(h.a(name, href=place(sid, step["seq"]), data_jump=name)) for name, step in found if step is not None
    ]
    return h.nav(h.span("Jump to ", class_="muted"), h.ul(links), class_="jumps", aria_label="Jump to")


def place(sid: str, seq: int) -> str:
    """Return the address of a step in its conversation."""
    return f"{address.session(sid, **{'from': str(seq)})}#step-{seq}"
