"""A finding of the search for secrets."""

from typing import NamedTuple


class FoundSecret(NamedTuple):
    """A stretch of a text that is secret.

    :ivar start: where it begins.
    :ivar end: where it ends.
    :ivar kind: what it is, such as ``github-token``; letters, digits and hyphens.
    :ivar secret: what its tag is made of: the secret without line ends and framing, so that it has one tag however it
        is written. Empty for a further stretch of the secret before, which is taken out without a trace.
    """

    start: int
    end: int
    kind: str
    secret: bytes


def disjoint(findings: list[FoundSecret]) -> list[FoundSecret]:
    """Sort findings and join those that overlap, under the kind of the first."""
    result: list[FoundSecret] = []
    for each in sorted(findings):
        last = result[-1] if result else None
        if last is None or each.start >= last.end:
            result.append(each)
        elif each.end > last.end:
            result[-1] = last._replace(end=each.end)
    return result
