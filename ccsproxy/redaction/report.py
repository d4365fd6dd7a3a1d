"""Counts which kinds of secret were replaced, and where."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

#: Further places are counted together, under the part of the exchange that they are in.
_MOST = 200
_LONGEST_PLACE = 200


class Replaced(NamedTuple):
    """A replaced secret.

    :ivar kind: such as ``github-token``.
    :ivar where: the place, such as ``request.body.messages[2].content``.
    :ivar tag: the secret's tag, by which it is recognised.
    """

    kind: str
    where: str
    tag: str


class SecretReport:
    """The secrets replaced in an exchange.

    :ivar count: their number.
    """

    def __init__(self) -> None:
        self.count = 0
        self._places: Counter[Replaced] = Counter()

    def note(self, kind: str, where: str, tag: str) -> None:
        """Count a removed secret."""
        self.count += 1
        each = Replaced(kind, where[:_LONGEST_PLACE], tag)
        # Still counted, but less exactly: a file of ten thousand keys must not produce a report of ten thousand
        # lines.
        if len(self._places) >= _MOST and each not in self._places:
            each = each._replace(where=".".join(where.split(".")[:2]).partition("[")[0], tag="")
        self._places[each] += 1

    def merge(self, other: "SecretReport") -> None:
        """Add the counts of another report."""
        self.count += other.count
        self._places.update(other._places)

    def replaced(self) -> Iterator[tuple[Replaced, int]]:
        """Yield each kind and place with its count, in the order in which they were found."""
        return iter(self._places.items())
