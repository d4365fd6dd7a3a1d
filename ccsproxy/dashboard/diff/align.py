"""Aligns two lists of messages or blocks: what is unchanged, added, removed or replaced."""

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Generic, TypeVar

import attr
import msgspec

from ccsproxy.dashboard.session.news import bare
from ccsproxy.dialects.views.view import Block, Message

T = TypeVar("T")

#: Items between the common beginning and the common end beyond which they are not aligned but replaced.
MOST = 1500


@attr.frozen
class Pair(Generic[T]):
    """Two items of two lists that correspond; one is None if the other was added or removed.

    :ivar equal: whether they have the same content.
    :ivar before_at: the index of the first in its list, from 0.
    :ivar after_at: the index of the second.
    """

    before: T | None
    after: T | None
    equal: bool = False
    before_at: int | None = None
    after_at: int | None = None

    @property
    def kind(self) -> str:
        """Return ``same``, ``changed``, ``added`` or ``removed``."""
        if self.equal:
            return "same"
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    @property
    def item(self) -> T:
        """The current item, or the former one if it was removed."""
        return self.before if self.after is None else self.after  # type: ignore[return-value]


def align(before: Sequence[T], after: Sequence[T]) -> list[Pair[T]]:
    """Align two lists of messages or of blocks."""
    old, new = [key(each) for each in before], [key(each) for each in after]
    # A turn repeats hundreds of messages: both ends are taken off in linear time before difflib, which is quadratic.
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    if max(old_end, new_end) - head > MOST:
        steps = [("replace", head, old_end, head, new_end)]
    else:
        matcher = SequenceMatcher(None, old[head:old_end], new[head:new_end], autojunk=False)
        steps = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes()]
    steps = [("equal", 0, head, 0, head), *steps, ("equal", old_end, len(old), new_end, len(new))]
    return [pair for step in steps for pair in _pairs(before, after, *step)]


def key(item: Any) -> str:
    """Return a text that is equal for equal content; markers of the prompt cache do not count."""
    if isinstance(item, Message):
        return item.role + "\0" + "\0".join(key(block) for block in item.blocks)
    if isinstance(item, Block):
        item = bare(item)
        if item.kind == "text":
            return "text\0" + item.text
    return json.dumps(msgspec.to_builtins(item), sort_keys=True)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _pairs(before: Sequence[T], after: Sequence[T], tag: str, a: int, b: int, c: int, d: int) -> list[Pair[T]]:
    if tag == "equal":
        return [Pair(before[a + n], after[c + n], True, a + n, c + n) for n in range(b - a)]
    olds, news = list(range(a, b)), list(range(c, d))
    pairs: list[Pair[T]] = []
    while olds and news and _alike(before[olds[0]], after[news[0]]):
        pairs.append(Pair(before[olds[0]], after[news[0]], False, olds.pop(0), news.pop(0)))
    pairs += [Pair(before[at], None, False, at, None) for at in olds]
    return pairs + [Pair(None, after[at], False, None, at) for at in news]


def _alike(one: Any, other: Any) -> bool:
    """Return whether one item is similar enough to be an edit of the other."""
    if isinstance(one, Message):
        return bool(one.role == other.role)
    return bool(one.kind == other.kind)
