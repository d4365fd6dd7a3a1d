"""The neighbours of an exchange in its session: previous, next, and the previous turn of its thread."""

from collections.abc import Mapping, Sequence
from typing import Any

import attr


@attr.frozen
class Siblings:
    """Numbers of neighbouring exchanges of the session; None if there is none."""

    previous: int | None = None
    next: int | None = None
    turn_before: int | None = None


def lane_of(summary: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what distinguishes the threads of a session."""
    return summary.get("agent"), summary.get("thread")


def siblings(requests: Sequence[Mapping[str, Any]], seq: int) -> Siblings:
    """Find the neighbours of an exchange among the summaries of its session."""
    ordered = sorted(requests, key=lambda each: each["seq"])
    at = next((number for number, each in enumerate(ordered) if each["seq"] == seq), None)
    if at is None:
        return Siblings()
    own = ordered[at]
    earlier = [each for each in ordered[:at] if each.get("category") == own.get("category")]
    same = [each for each in earlier if lane_of(each) == lane_of(own)]
    # A side call to another model is not a turn of this conversation if there is one of the same model.
    alike = [each for each in same if each.get("model") == own.get("model")] or same
    return Siblings(
        ordered[at - 1]["seq"] if at else None,
        ordered[at + 1]["seq"] if at + 1 < len(ordered) else None,
        alike[-1]["seq"] if alike else None,
    )
