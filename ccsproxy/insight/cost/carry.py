"""The cost of each part of a conversation over all the calls that sent it again.

Every call repeats the whole conversation, so a large tool result is paid for in every later turn, mostly at the rate
of cache reads. Prefix sums of these rates keep the work proportional to what is new or was missed, instead of to the
square of the conversation's length.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

import attr

from ccsproxy.insight.conversation.lanes import Lane, common_prefix
from ccsproxy.insight.cost.attribution import Sized, part_sizes
from ccsproxy.insight.cost.charges import Billed, spans
from ccsproxy.insight.cost.context import name_of
from ccsproxy.insight.facts import Item, Part
from ccsproxy.insight.prompt.parts import server_of


@attr.define(eq=False)
class Carried:
    """An item that was sent repeatedly.

    :ivar tokens: its size in the last call that sent it.
    :ivar first: number of the first call that sent it.
    :ivar sent: how many calls sent it.
    :ivar cost: dollars of all of them, and of those after the first; None where a rate was not known.
    """

    item: Item
    tokens: float
    first: int
    sent: int
    cost: float | None
    first_cost: float | None
    last: int = 0

    @property
    def carry_cost(self) -> float | None:
        """The cost of sending it again."""
        return None if self.cost is None or self.first_cost is None else self.cost - self.first_cost


@attr.define(eq=False)
class _Open:
    """An item that is still in the prompt.

    :ivar begun: its place in the list of calls.
    :ivar base: the sum of read rates before its first call.
    :ivar extra: its cost beyond those rates.
    """

    item: Item
    begun: int
    base: float
    extra: float = 0.0
    first_cost: float = 0.0
    tokens: float = 0.0


def carried(lane: Lane, sizes: Mapping[int, Sized]) -> list[Carried]:
    """Return every item that the calls of a lane sent, with its cost."""
    counted = [sizes[call.seq] for call in lane.calls if call.tokens.prompt is not None and call.items]
    held: list[_Open] = []
    found: list[Carried] = []
    reads, priced = 0.0, True
    before: tuple[Item, ...] = ()
    for number, sized in enumerate(counted):
        shared = common_prefix(before, sized.call.items)
        left = {(each.item.level, each.item.digest): each for each in held[shared:]}
        kept = [left.pop((item.level, item.digest), None) for item in sized.call.items[shared:]]
        found += [_closed(each, reads, counted, number, priced) for each in left.values()]
        # Items after a change are sent again as well.
        held[shared:] = [
            each or _Open(item, number, reads) for each, item in zip(kept, sized.call.items[shared:], strict=True)
        ]
        billed = spans(sized.call)
        # From the first call without a rate on, every sum lacks an unknown amount.
        priced = priced and bool(billed)
        rate = _read_rate(sized)
        reads += rate
        _charge(held, sized, billed, rate, number, shared)
        before = sized.call.items
    return found + [_closed(each, reads, counted, len(counted), priced) for each in held]


def _read_rate(sized: Sized) -> float:
    rates = sized.call.rates
    return (rates.read or 0.0) / 1e6 if rates else 0.0


def _charge(held: list[_Open], sized: Sized, billed: Billed, rate: float, number: int, shared: int) -> None:
    """Charge what was not read: new items, and those that were missed."""
    # The sum of the read rates covers what was read, so only the rest is examined.
    begin = min(bisect_right(sized.ends, float(sized.call.tokens.read or 0)), shared)
    ends, sizes = sized.ends, sized.sizes
    stretches = iter((*billed, (inf, 0.0)))
    upto, price = next(stretches)
    at = ends[begin - 1] if begin else 0.0
    while upto <= at:
        upto, price = next(stretches)
    # Items and billing stretches are both traversed once, in one loop: a call without a cache pays for a thousand.
    for place in range(begin, len(ends)):
        each, tokens, end = held[place], sizes[place], ends[place]
        cost = 0.0
        while end > upto:
            cost += (upto - at) * price
            at = upto
            upto, price = next(stretches)
        cost += (end - at) * price
        at = end
        each.tokens = tokens
        each.extra += cost - tokens * rate
        if each.begun == number:
            each.first_cost = cost


def _closed(each: _Open, reads: float, counted: list[Sized], number: int, priced: bool) -> Carried:
    cost = each.tokens * (reads - each.base) + each.extra
    first = counted[each.begun].call.seq
    return Carried(
        each.item, each.tokens, first, number - each.begun, cost if priced else None,
        each.first_cost if priced else None, counted[number - 1].call.seq,
    )  # fmt: skip


def heaviest(found: list[Carried], most: int = 50) -> Iterator[dict[str, Any]]:
    """Yield the tool results, images and files whose repetition cost most."""
    pieces = [(each, part, tokens) for each in found for part, tokens in _parts(each)]
    pieces.sort(key=lambda piece: -piece[2] * piece[0].sent)
    for each, part, tokens in pieces[:most]:
        share = tokens / each.tokens if each.tokens else 0.0
        carry = each.carry_cost
        yield {
            "kind": part.kind, "name": name_of(part) or None, "tool": part.name or None,
            "server": server_of(part.name) or None, "seq": each.first, "last_seq": each.last, "sent": each.sent,
            "tokens": round(tokens), "bytes": part.size,
            "carry_cost": None if carry is None else round(carry * share, 8),
        }  # fmt: skip


def _parts(each: Carried) -> Iterator[tuple[Part, float]]:
    for part, tokens in zip(each.item.parts, part_sizes(each.item, each.tokens), strict=True):
        if part.kind in ("tool_result", "image", "document", "user", "instructions"):
            yield part, tokens


def joined_costs(given: Iterable[Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Join the sums of several sessions (see `part_costs`), the most expensive first."""
    rows: dict[str, dict[str, Any]] = {}
    for row in (row for each in given for row in each):
        held = rows.setdefault(row["name"], {**_NO_COST, "name": row["name"]})
        held["requests"] = max(held["requests"], row["requests"])
        for name in ("cost", "unpriced", "tokens_sent"):
            held[name] += row[name]
    return sorted(rows.values(), key=lambda row: -(row["cost"] or 0.0))


_NO_COST = {"name": "", "cost": 0.0, "unpriced": 0, "requests": 0, "tokens_sent": 0}


def part_costs(sessions: Iterable[Any], by: str) -> list[dict[str, Any]]:
    """Sum up the cost of the parts of prompts over all calls of sessions, the most expensive first.

    :param by: ``tool`` (definitions, calls and results of each), ``server`` (of MCP) or ``kind``.
    """
    rows: dict[str, dict[str, Any]] = {}
    for session in sessions:
        for each in session.carried:
            for part, tokens in zip(each.item.parts, part_sizes(each.item, each.tokens), strict=True):
                name = _group(part, by)
                if name:
                    _sum_up(rows, name, each, tokens)
    return sorted(rows.values(), key=lambda row: -(row["cost"] or 0.0))


def _group(part: Part, by: str) -> str:
    if by == "kind":
        return part.kind
    tooled = part.kind in ("tool", "tool_call", "tool_result", "image")
    if not tooled:
        return ""
    return server_of(part.name) if by == "server" else part.name


def _sum_up(rows: dict[str, dict[str, Any]], name: str, each: Carried, tokens: float) -> None:
    row = rows.setdefault(name, {**_NO_COST, "name": name})
    row["tokens_sent"] += round(tokens * each.sent)
    row["requests"] = max(row["requests"], each.sent)
    if each.cost is None:
        row["unpriced"] += each.sent
    elif each.tokens:
        row["cost"] += each.cost * tokens / each.tokens
