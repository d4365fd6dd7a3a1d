"""A finding of the search for secrets."""

from typing import NamedTuple


class FoundSecret(NamedTuple):
    """A secret range of a text.

    :ivar start: its first position.
    :ivar end: the position after it.
    :ivar kind: such as ``github-token``; letters, digits and hyphens.
    :ivar secret: the input of its tag: the secret without line ends and framing, so that its tag does not depend on
        how it is written. Empty for a further range of the preceding secret, which is removed without a replacement.
    """

    start: int
    end: int
    kind: str
    secret: bytes


#: The kind of a secret that is found because it is known, wherever it stands.
ECHO = "credential"


def _order(finding: FoundSecret) -> tuple[int, bool, int]:
    return finding.start, finding.kind == ECHO, finding.end


def disjoint(findings: list[FoundSecret]) -> list[FoundSecret]:
    """Sort findings and merge overlapping ones, under the kind of the first; of two, not that of an echo."""
    result: list[FoundSecret] = []
    for each in sorted(findings, key=_order):
        last = result[-1] if result else None
        if last is None or each.start >= last.end:
            result.append(each)
        elif each.end > last.end:
            result[-1] = last._replace(end=each.end)
    return result
