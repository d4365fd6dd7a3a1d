"""Sums with bounded labels, so that clients cannot exhaust memory with invented names."""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.insight.metrics.families import EXCHANGES, FAMILIES, Family

#: Label for every upstream and model beyond the bounds.
OTHER = "other"
#: How many upstreams, and how many pairs of upstream and model, get labels of their own.
MOST_UPSTREAMS, MOST_MODELS = 50, 100
#: Characters of a label that are kept.
LONGEST_LABEL = 100
#: Endings after which a model may not exist at all: a mistyped one shall not take the place of a real one.
_PROVES_NOTHING = frozenset({Outcome.HTTP_ERROR, Outcome.REFUSED, Outcome.REQUEST_TOO_LARGE})

Labels = tuple[str, ...]


class Sample(msgspec.Struct, array_like=True):
    """One metric with its labels.

    :ivar family: the family's name.
    :ivar value: the count of a counter; the sum of a histogram's values.
    :ivar buckets: how many values fell into each bucket of a histogram, by its number; the one after the last bound
        has the rest. Empty buckets are left out.
    """

    family: str
    labels: Labels
    value: float = 0.0
    buckets: dict[int, int] = {}


class Tallies:
    """Samples by family and labels.

    The recorder adds single calls and hands the `changes` on; the main process joins them and bounds the labels, so
    that the bound survives a restart of the recorder.

    Invariant: what `join` has added has at most `most_upstreams` upstreams and `most_models` pairs of upstream and
    model, besides `OTHER`.
    """

    def __init__(self, most_models: int = MOST_MODELS, most_upstreams: int = MOST_UPSTREAMS) -> None:
        """Create an empty set of sums.

        :param most_models: how many pairs of upstream and model have labels of their own.
        """
        self._samples: dict[tuple[str, Labels], Sample] = {}
        self._most_models, self._most_upstreams = most_models, most_upstreams
        self._own: set[Labels] = set()
        self._upstreams: set[str] = set()

    def count(self, family: Family, labels: Labels, value: float = 1.0) -> None:
        """Add to a counter."""
        self._sample(family.name, labels).value += value

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """Add a value to a histogram."""
        sample = self._sample(family.name, labels)
        sample.value += value
        number = bisect_left(family.buckets, value)
        sample.buckets[number] = sample.buckets.get(number, 0) + 1

    def changes(self) -> list[Sample]:
        """Return what was added since the last time, and reset."""
        samples, self._samples = list(self._samples.values()), {}
        return samples

    def samples(self) -> list[Sample]:
        """Return everything, in no order."""
        return list(self._samples.values())

    def join(self, changes: Iterable[Sample]) -> list[Sample]:
        """Add changes from another process; upstreams and models beyond the bounds become `OTHER`.

        :param changes: as returned by `changes`; how calls ended comes before everything that depends on it.
        :return: the new state of each changed sample.
        """
        changed: dict[tuple[str, Labels], Sample] = {}
        for each in changes:
            if each.family in FAMILIES and len(each.labels) == len(FAMILIES[each.family].labels):
                labels = self._bounded(each)
                sample = changed[each.family, labels] = self._sample(each.family, labels)
                sample.value += each.value
                for number, count in each.buckets.items():
                    sample.buckets[number] = sample.buckets.get(number, 0) + count
        return list(changed.values())

    def replace(self, samples: Iterable[Sample]) -> None:
        """Replace all samples by those of another process."""
        for each in samples:
            self._samples[each.family, each.labels] = each

    def _bounded(self, sample: Sample) -> Labels:
        upstream, rest = sample.labels[0], sample.labels[1:]
        if sample.family == EXCHANGES.name:
            self._admit(*sample.labels)
        if upstream not in self._upstreams:
            upstream = OTHER
        if FAMILIES[sample.family].labels[1:2] != ("model",):
            return (upstream, *rest)
        return (upstream, *rest) if sample.labels[:2] in self._own else (upstream, OTHER, *rest[1:])

    def _admit(self, upstream: str, model: str, category: str, outcome: str) -> None:
        """Give an upstream, and a model that seems to exist, labels of their own while there is room."""
        if len(self._upstreams) < self._most_upstreams:
            self._upstreams.add(upstream)
        room = len(self._own) < self._most_models and upstream in self._upstreams
        if room and (outcome not in _PROVES_NOTHING or not model):
            self._own.add((upstream, model))

    def _sample(self, family: str, labels: Labels) -> Sample:
        sample = self._samples.get((family, labels))
        if sample is None:
            sample = self._samples[family, labels] = Sample(family, labels, buckets={})
        return sample
