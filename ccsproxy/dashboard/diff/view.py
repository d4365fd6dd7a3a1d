"""The differences between two requests of any dialect: system prompt, tools, messages and parameters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attr

from ccsproxy.dashboard.diff.align import Pair, align
from ccsproxy.dialects.views.view import Block, Message, RequestView, Tool

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"


@attr.frozen
class RequestDifference:
    """The differences between two requests.

    :ivar system: the texts of the system prompts, aligned.
    :ivar tools: tools by name.
    :ivar params: the values of each parameter that differs.
    """

    system: Sequence[Pair[Block]]
    tools: Sequence[Pair[Tool]]
    messages: Sequence[Pair[Message]]
    params: Sequence[Pair[tuple[str, Any]]]

    @property
    def summary(self) -> str:
        """The difference in a line."""
        return ", ".join(
            [
                counted(self.messages, "message"),
                counted(self.tools, "tool"),
                "system " + ("unchanged" if unchanged(self.system) else "changed"),
                *([counted(self.params, "parameter")] if not unchanged(self.params) else []),
            ]
        )

    @property
    def diverges(self) -> str:
        """The place of the first difference, in the order in which a prompt cache reads; empty without one."""
        if not all(pair.equal and pair.before_at == pair.after_at for pair in self.tools):
            return "the tools"
        at = _first(self.system)
        if at is not None:
            return f"text {at + 1} of the system prompt"
        at = _first(self.messages)
        # Messages appended at the end leave the existing prefix unchanged.
        if at is None or all(pair.kind == ADDED for pair in self.messages[at:]):
            return ""
        return f"message {at + 1}"


def _first(pairs: Sequence[Pair[Any]]) -> int | None:
    """Return the index of the first item that changed."""
    return next((at for at, pair in enumerate(pairs) if not pair.equal), None)


def difference(before: RequestView, after: RequestView) -> RequestDifference:
    """Compare two requests; marks of the prompt cache do not count."""
    return RequestDifference(
        align(before.system, after.system),
        _tools(before.tools, after.tools),
        align(before.messages, after.messages),
        _params(before.params, after.params),
    )


def unchanged(pairs: Sequence[Pair[Any]]) -> bool:
    """Whether nothing differs between the two requests."""
    return all(pair.kind == SAME for pair in pairs)


def counted(pairs: Sequence[Pair[Any]], noun: str) -> str:
    """Format how many were added, removed and changed."""
    kinds = Counter(pair.kind for pair in pairs)
    parts = []
    if kinds[ADDED]:
        parts.append(f"+{kinds[ADDED]} {_noun(kinds[ADDED], noun)}")
    if kinds[REMOVED]:
        parts.append(f"−{kinds[REMOVED]} {_noun(kinds[REMOVED], noun)}")
    if kinds[CHANGED]:
        parts.append(f"{kinds[CHANGED]} {_noun(kinds[CHANGED], noun)} changed")
    return ", ".join(parts) or f"{noun}s unchanged"


def _noun(count: int, noun: str) -> str:
    return noun if count == 1 else noun + "s"


def _tools(before: Sequence[Tool], after: Sequence[Tool]) -> list[Pair[Tool]]:
    """Put tools together by name; of one name the first with the first."""
    old = _by_name(before)
    pairs: list[Pair[Tool]] = []
    for number, tool in enumerate(after):
        waiting = old.get(tool.name)
        if waiting:
            at, match = waiting.pop(0)
            pairs.append(Pair(match, tool, match == tool, at, number))
        else:
            pairs.append(Pair(None, tool, False, None, number))
    gone = sorted((each for left in old.values() for each in left), key=lambda each: each[0])
    return [*(Pair(tool, None, False, at, None) for at, tool in gone), *pairs]


def _by_name(tools: Sequence[Tool]) -> dict[str, list[tuple[int, Tool]]]:
    found: dict[str, list[tuple[int, Tool]]] = {}
    for number, tool in enumerate(tools):
        found.setdefault(tool.name, []).append((number, tool))
    return found


def _params(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Pair[tuple[str, Any]]]:
    pairs: list[Pair[tuple[str, Any]]] = []
    for name in dict.fromkeys([*before, *after]):
        old = (name, before[name]) if name in before else None
        new = (name, after[name]) if name in after else None
        pairs.append(Pair(old, new, old == new))
    return pairs
