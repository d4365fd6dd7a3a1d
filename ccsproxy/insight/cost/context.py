"""The composition of a prompt, in tokens and dollars, by tool, file and kind."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.insight.cost.attribution import Sized, part_sizes
from ccsproxy.insight.cost.charges import spans
from ccsproxy.insight.facts import Call, Part
from ccsproxy.insight.prompt.parts import server_of
from ccsproxy.providers.prices import context_window

#: How many parts a list contains; the others are summed up.
_SHOWN = 200


@attr.define
class Portion:
    """The share of one part in a prompt.

    :ivar cached: how many of its tokens were read from the cache.
    :ivar resent: how many other calls sent it as well.
    """

    kind: str
    name: str
    server: str = ""
    tokens: float = 0.0
    cached: float = 0.0
    cost: float | None = 0.0
    resent: int = 0
    bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Format the portion for the API."""
        return {
            "kind": self.kind,
            "name": self.name or None,
            "server": self.server or None,
            "tokens": round(self.tokens),
            "cached_tokens": round(self.cached),
            "cost": None if self.cost is None else round(self.cost, 8),
            "resent": self.resent,
            "bytes": self.bytes,
        }


def portions(sized: Sized, sent: Mapping[int, int], thoughts: Mapping[int, int]) -> list[Portion]:
    """Return the portions of a call's prompt, the largest first.

    :param sent: how often each item was sent in its session, by its digest.
    :param thoughts: tokens that the provider counted for the thinking in an answer, by the item's digest.
    """
    call = sized.call
    billed = spans(call)
    found: dict[tuple[str, str], Portion] = {}
    at = 0.0
    for item, size in zip(sized.call.items, sized.sizes, strict=True):
        for part, tokens in zip(item.parts, part_sizes(item, size, thoughts.get(item.digest)), strict=True):
            key = part.kind, name_of(part)
            portion = found.setdefault(key, Portion(*key, server=server_of(part.name)))
            _add(portion, part, tokens, at, call, billed)
            portion.resent = max(portion.resent, sent.get(item.digest, 1) - 1)
            at += tokens
    return sorted(found.values(), key=lambda each: -each.tokens)


def name_of(part: Part) -> str:
    """Return the name under which a part is listed: its tool, for a result with file or command."""
    if part.kind in ("tool_result", "tool_call"):
        return f"{part.name or 'tool'} {part.detail}".strip() if part.kind == "tool_result" else part.name
    if part.kind in ("image", "document"):
        return " ".join(each for each in (part.name, part.detail) if each)
    return part.name if part.kind in ("tool", "instructions") else ""


def _add(
    portion: Portion, part: Part, tokens: float, at: float, call: Call, billed: tuple[tuple[float, float], ...]
) -> None:
    portion.tokens += tokens
    # A cache is read from the beginning, so the part is cached as far as it lies before that position.
    portion.cached += max(min(at + tokens, float(call.tokens.read or 0)) - at, 0.0)
    portion.bytes += part.size
    cost = stretch_cost(billed, at, at + tokens)
    portion.cost = None if cost is None or portion.cost is None else portion.cost + cost


def stretch_cost(billed: Iterable[tuple[float, float]], begin: float, end: float) -> float | None:
    """Return the dollars of a stretch of a prompt; None if the rates are unknown."""
    cost, before, known = 0.0, 0.0, False
    for upto, rate in billed:
        overlap = min(end, upto) - max(begin, before)
        if overlap > 0:
            cost += overlap * rate
        before, known = upto, True
    return cost if known else None


def context(sized: Sized, sent: Mapping[int, int], thoughts: Mapping[int, int]) -> dict[str, Any]:
    """Return the attribution of a call's prompt."""
    found = portions(sized, sent, thoughts)
    shown, rest = found[:_SHOWN], found[_SHOWN:]
    if rest:
        shown.append(_summed("other", rest))
    call = sized.call
    _round(shown)
    return {
        "session_id": call.session_id,
        "seq": call.seq,
        "total_tokens": call.tokens.prompt,
        "window_tokens": context_window(call.who),
        "estimated": call.tokens.prompt is None,
        "complete": call.known,
        "exact_share": round(sized.exact, 3),
        "parts": [portion.as_dict() for portion in shown],
        "kinds": [portion.as_dict() for portion in by(found, lambda each: each.kind)],
        "servers": [portion.as_dict() for portion in by(_of_servers(found), lambda each: each.server)],
        "output": _output(call),
    }


def _round(shown: list[Portion]) -> None:
    """Round the tokens to integers, and keep their rounded sum."""
    rest = round(sum(portion.tokens for portion in shown)) - sum(int(portion.tokens) for portion in shown)
    order = sorted(range(len(shown)), key=lambda at: int(shown[at].tokens) - shown[at].tokens)
    # The largest remainder method: the parts still add up to the total.
    up = set(order[:rest])
    for at, portion in enumerate(shown):
        portion.tokens = float(int(portion.tokens) + (at in up))


def _of_servers(found: Iterable[Portion]) -> Iterator[Portion]:
    return (portion for portion in found if portion.server)


def by(found: Iterable[Portion], key: Any) -> list[Portion]:
    """Sum portions up by a key, the largest first."""
    groups: dict[str, list[Portion]] = {}
    for portion in found:
        groups.setdefault(key(portion), []).append(portion)
    return sorted((_summed(name, group) for name, group in groups.items()), key=lambda each: -each.tokens)


def _summed(name: str, group: list[Portion]) -> Portion:
    costs = [portion.cost for portion in group]
    return Portion(
        kind=name,
        name="",
        server=group[0].server if all(each.server == group[0].server for each in group) else "",
        tokens=sum(portion.tokens for portion in group),
        cached=sum(portion.cached for portion in group),
        cost=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        resent=max(portion.resent for portion in group),
        bytes=sum(portion.bytes for portion in group),
    )


def _output(call: Call) -> dict[str, Any]:
    """Split the answer: thinking as counted, the rest by estimate."""
    total, thoughts = call.tokens.output, call.tokens.reasoning
    weights: dict[str, float] = {}
    for part in call.answer:
        if part.kind != "thinking" or thoughts is None:
            weights[part.kind] = weights.get(part.kind, 0.0) + part.tokens
    rest = None if total is None else total - (thoughts or 0)
    whole = sum(weights.values())
    known = rest is not None and whole > 0
    shares = {kind: round((rest or 0) * each / whole) if known else None for kind, each in weights.items()}
    thinking = shares.get("thinking") if thoughts is None else thoughts
    return {"total_tokens": total, "thinking": thinking, "answer": shares.get("answer"),
            "tool_call": shares.get("tool_call")}  # fmt: skip
