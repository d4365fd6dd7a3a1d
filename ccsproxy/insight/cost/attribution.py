"""Estimates the tokens of each item of a prompt, adjusted to what the provider counted.

A session's counts reveal more than totals: the excess of one prompt over the previous one is the size of what was
added, an answer's size is known when it returns as a message, and reads and writes end at a cache breakpoint. Between
two such places, estimates are scaled to their exact sum.
"""

from collections.abc import Sequence
from itertools import accumulate

import attr

from ccsproxy.insight.conversation.lanes import Lane, common_prefix
from ccsproxy.insight.facts import Call, Item

#: By how much a stretch may be off its estimate and still be believed; else something else was counted with it.
_LEAST, _MOST = 0.2, 6.0


@attr.define(eq=False)
class Sized:
    """The prompt of a call with the size of each item.

    :ivar sizes: tokens by item, not rounded; they sum to the provider's count.
    :ivar ends: the sums of all sizes up to each item.
    :ivar exact: share of the tokens in stretches of a single item with a known size.
    :ivar estimated: the sum of the items' estimates.
    """

    call: Call
    sizes: list[float]
    ends: list[float]
    exact: float = 0.0
    estimated: int = 0


def size_lane(lane: Lane) -> dict[int, Sized]:
    """Return the sized prompts of a lane's calls by their numbers; calls that were not counted are estimated."""
    found: dict[int, Sized] = {}
    held: Sized | None = None
    ratio = 1.0
    for call in lane.calls:
        sized, before = _sized(call, held, ratio), held
        found[call.seq] = sized
        if call.tokens.prompt is not None and call.items and not call.continues:
            held = sized
            sized.estimated = _estimated(call, before)
            ratio = (sized.ends[-1] / sized.estimated) if sized.estimated else ratio
    return found


def _estimated(call: Call, before: Sized | None) -> int:
    """Sum up the estimates of a prompt; if it continues another, only the added items are examined."""
    first = len(before.call.items) if before else 0
    if before and first <= len(call.items) and call.items[first - 1] is before.call.items[-1]:
        return before.estimated + sum(item.tokens for item in call.items[first:])
    return sum(item.tokens for item in call.items)


def _sized(call: Call, held: Sized | None, ratio: float) -> Sized:
    shared = common_prefix(held.call.items, call.items) if held else 0
    if held is not None and shared == len(held.sizes) and call.tokens.prompt is not None and not call.continues:
        return _continued(call, held, ratio)
    known = _known(held, shared)
    sizes = held.sizes[:shared] if held else []
    sizes += [known.get(item.digest) or item.tokens * ratio for item in call.items[shared:]]
    total = call.tokens.prompt
    exact = 0.0
    if total is not None and sizes and not call.continues:
        sizes = _absorbed(call, sizes, shared, known) if known else sizes
        sizes, exact = fit(sizes, _cuts(call, held, shared, list(accumulate(sizes))))
    return Sized(call, sizes, list(accumulate(sizes)), exact)


def _continued(call: Call, held: Sized, ratio: float) -> Sized:
    """Size a prompt that continues another: only the added items are examined, however long it is."""
    shared, before = len(held.sizes), held.ends[-1] if held.ends else 0.0
    tail = [item.tokens * ratio for item in call.items[shared:]]
    rest = (call.tokens.prompt or 0) - before
    if not tail or not _plausible(rest, sum(tail)):
        # Something else was counted with it, or was left out: scale the whole prompt.
        sizes, exact = fit([*held.sizes, *tail], [(shared + len(tail), float(call.tokens.prompt or 0))])
        return Sized(call, sizes, list(accumulate(sizes)), exact)
    estimated = held.ends + list(accumulate(tail, initial=before))[1:]
    cuts = [(at - shared, tokens - before) for at, tokens in _cuts(call, held, shared, estimated) if at > shared]
    fitted, exact = fit(tail, cuts)
    ends = list(accumulate(fitted, initial=before))[1:]
    share = rest / (call.tokens.prompt or 1)
    return Sized(call, held.sizes + fitted, held.ends + ends, exact * share + held.exact * (1 - share))


def _plausible(tokens: float, estimate: float) -> bool:
    """Whether a stretch may have so many tokens, by its estimate."""
    return _LEAST * estimate <= tokens <= _MOST * estimate


def _known(held: Sized | None, shared: int) -> dict[int, float]:
    """Return the sizes of the items after a change, which mostly recur."""
    if held is None or shared == len(held.sizes):
        return {}
    return {item.digest: size for item, size in zip(held.call.items[shared:], held.sizes[shared:], strict=True)}


def _absorbed(call: Call, sizes: list[float], shared: int, known: dict[int, float]) -> list[float]:
    """Assign to the new items what the total has in excess of the known ones."""
    new = [at for at in range(shared, len(sizes)) if call.items[at].digest not in known]
    estimated = sum(sizes[at] for at in new)
    rest = (call.tokens.prompt or 0) - (sum(sizes) - estimated)
    if not estimated or not _plausible(rest, estimated):
        return sizes
    scale = rest / estimated
    for at in new:
        sizes[at] *= scale
    return sizes


def _cuts(call: Call, held: Sized | None, shared: int, ends: Sequence[float]) -> list[tuple[int, float]]:
    """Return the places of a prompt up to which the tokens are known, as ``(items, tokens)``.

    :param ends: the sums of the estimates up to each item.
    """
    cuts = {len(ends): float(call.tokens.prompt or 0)}
    if held is not None and shared:
        before = held.ends[shared - 1]
        cuts[shared] = before
        output = held.call.tokens.output
        if shared == len(held.sizes) and shared < len(ends) and output and _is_answer(call.items[shared], held.call):
            cuts.setdefault(shared + 1, before + output)
    for position, tokens in _cache_cuts(call, ends, shared):
        cuts.setdefault(position, tokens)
    return sorted(cuts.items())


def _is_answer(item: Item, before: Call) -> bool:
    """Return whether a message is the complete answer of the previous call, thinking included."""
    if item.role not in ("assistant", "model"):
        return False
    thought = any(part.kind == "thinking" for part in item.parts)
    return thought == bool(before.tokens.reasoning or any(part.kind == "thinking" for part in before.answer))


def _cache_cuts(call: Call, ends: Sequence[float], shared: int) -> list[tuple[int, float]]:
    """Return the places of the cache breakpoints with the tokens that the cache counts imply.

    :param ends: the sums of the estimates up to each item.
    :param shared: the end of the previous prompt, where reads mostly end without a breakpoint of this call.
    """
    read, written = call.tokens.read or 0, call.tokens.written or 0
    marks = [mark.item + 1 for mark in call.breakpoints if mark.piece + 1 >= len(call.items[mark.item].pieces)]
    if not marks or not read + written:
        return []
    found = []
    last = call.breakpoints[-1].item + 1
    if written and marks[-1] == last:
        found.append((marks[-1], float(read + written)))
    if read:
        places = [*marks, shared] if shared else marks
        near = min(places, key=lambda position: abs(ends[position - 1] - read))
        if near != shared and abs(ends[near - 1] - read) < 0.15 * read and (near != last or not written):
            found.append((near, float(read)))
    return found


def fit(sizes: Sequence[float], cuts: Sequence[tuple[int, float]]) -> tuple[list[float], float]:
    """Scale sizes so that they add up to known numbers at known places.

    :param cuts: ``(how many items, tokens up to there)``, in order; the last is the whole prompt. Implausible ones
        (a stretch would be a fraction or a multiple of its estimate) are left out.
    :return: the sizes, and the share of all tokens that are in stretches of a single item.
    """
    whole = cuts[-1][1]
    kept = _believable(sizes, cuts)
    found: list[float] = []
    exact = 0.0
    at, done = 0, 0.0
    for position, tokens in kept:
        stretch, want = sizes[at:position], max(tokens - done, 0.0)
        have = sum(stretch)
        found += [size * want / have for size in stretch] if have else [want / len(stretch)] * len(stretch)
        exact += want if len(stretch) == 1 else 0.0
        at, done = position, tokens
    return found, exact / whole if whole else 0.0


def _believable(sizes: Sequence[float], cuts: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Leave out the cuts that contradict the estimates or the total."""
    ends = [0.0, *accumulate(sizes)]
    last = cuts[-1]
    overall = last[1] / ends[-1] if ends[-1] else 1.0
    kept: list[tuple[int, float]] = []
    for position, tokens in cuts[:-1]:
        at, done = kept[-1] if kept else (0, 0.0)
        have, rest = ends[position] - ends[at], ends[-1] - ends[position]
        if position <= at or position >= last[0] or not have or not rest:
            continue
        share, left = (tokens - done) / have, (last[1] - tokens) / rest
        if all(_LEAST * overall <= each <= _MOST * overall for each in (share, left)):
            kept.append((position, tokens))
    return [*kept, last]


def part_sizes(item: Item, size: float, reasoning: int | None = None) -> list[float]:
    """Split the size of an item among its parts.

    :param reasoning: the provider's count of its thinking.
    """
    weights = [float(part.tokens) for part in item.parts]
    thoughts = [n for n, part in enumerate(item.parts) if part.kind == "thinking"]
    if reasoning and len(thoughts) == 1 and reasoning < size and len(weights) > 1:
        others = sum(weight for n, weight in enumerate(weights) if n != thoughts[0]) or 1.0
        scale = (size - reasoning) / others
        return [float(reasoning) if n == thoughts[0] else weight * scale for n, weight in enumerate(weights)]
    total = sum(weights)
    return [size * weight / total for weight in weights] if total else [size / len(weights) for _ in weights]
