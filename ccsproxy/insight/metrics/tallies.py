"""Sums with bounded labels: clients cannot fill the memory, whatever names they use."""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.insight.metrics.families import EXCHANGES, FAMILIES, Family

#: What stands for every upstream and model beyond those that have a label of their own.
OTHER = "other"
#: How many upstreams, and how many pairs of upstream and model, have a label of their own.
MOST_UPSTREAMS, MOST_MODELS = 50, 100
#: Characters of a label that are kept.
LONGEST_LABEL = 100
#: Endings after which a model may not exist at all: a mistyped one shall not take the place of a real one.
_PROVES_NOTHING = frozenset({Outcome.HTTP_ERROR, Outcome.REFUSED, Outcome.REQUEST_TOO_LARGE})

Labels = tuple[str, ...]


class Sample(msgspec.Struct, array_like=True):
    """One metric with its labels.

    :ivar family: the family's name.
    :ivar value: a counter's count; the sum of what a histogram was given.
    :ivar buckets: how many values fell into each bucket of a histogram, by number; the one after the last bound has
        the rest. Those without any are left out.
    """

    family: str
    labels: Labels
    value: float = 0.0
    buckets: dict[int, int] = {}


class Tallies:
    """Samples by family and labels.

    Whoever adds single calls takes the `changes` now and then; whoever keeps the sums joins them, and bounds the
    labels there, so that the bound outlives who counts.

    Invariant: no more than so many upstreams, and pairs of upstream and model, beside `OTHER` are in what `join` has
    added.
    """

    def __init__(self, most_models: int = MOST_MODELS, most_upstreams: int = MOST_UPSTREAMS) -> None:
        """Begin with nothing.

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
        """Return what has been added since the last time, and begin anew."""
        samples, self._samples = list(self._samples.values()), {}
        return samples

    def samples(self) -> list[Sample]:
        """Return everything, in no order."""
        return list(self._samples.values())

    def join(self, changes: Iterable[Sample]) -> list[Sample]:
        """Add what was counted elsewhere; upstreams and models beyond the bound become `OTHER`.

        :param changes: as `changes` returned them: how calls ended goes before all else that they amount to.
        :return: each sample that has changed, as it is now.
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
        """Take samples as they are elsewhere instead of ours."""
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
