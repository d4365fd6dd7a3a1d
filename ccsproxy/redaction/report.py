"""Reports which kinds of secret were replaced, where, and how often (contract, section 4)."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

#: More places are counted together, under the part of the exchange that they are in.
_MOST = 200
_LONGEST_PLACE = 200


class Replaced(NamedTuple):
    """Secrets that were replaced.

    :ivar kind: such as ``github-token``.
    :ivar where: the place, such as ``request.body.messages[2].content``.
    :ivar tag: the secret's tag, by which it is known again.
    """

    kind: str
    where: str
    tag: str


class SecretReport:
    """Counts what was replaced in an exchange.

    :ivar count: how many secrets.
    """

    def __init__(self) -> None:
        self.count = 0
        self._places: Counter[Replaced] = Counter()

    def note(self, kind: str, where: str, tag: str) -> None:
        """Count one secret that was removed."""
        self.count += 1
        each = Replaced(kind, where[:_LONGEST_PLACE], tag)
        # Counted still, only less exactly: a file of ten thousand keys must not make a report of ten thousand lines.
        if len(self._places) >= _MOST and each not in self._places:
            each = each._replace(where=".".join(where.split(".")[:2]).partition("[")[0], tag="")
        self._places[each] += 1

    def merge(self, other: "SecretReport") -> None:
        """Count what another report has counted."""
        self.count += other.count
        self._places.update(other._places)

    def replaced(self) -> Iterator[tuple[Replaced, int]]:
        """Yield the kinds and places, and how often, in the order in which they were found."""
        return iter(self._places.items())
