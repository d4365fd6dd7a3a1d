"""The conventions' metrics, computed from the calls that a target has accepted."""

from typing import Any

from ccsproxy.dialects.views.blocks import fields
from ccsproxy.insight.metrics.families import Family
from ccsproxy.insight.metrics.tallies import OTHER, Sample, Tallies
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.calls import Record, call_attributes, operation_of

_WHOSE = (
    names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.SERVER_ADDRESS,
    names.SERVER_PORT,
)  # fmt: skip
#: Maximum number of distinct sets of attributes; all others are counted as one, whose models are `OTHER`.
MOST_SETS = 500


def _counter(name: str, help: str) -> Family:
    return Family(name, help, (*_WHOSE, names.MODALITY))


_SECONDS, _TOKENS = names.SECONDS_BOUNDS, names.TOKENS_BOUNDS
#: Each with its unit (UCUM).
FAMILIES: dict[str, tuple[Family, str]] = {
    family.name: (family, unit)
    for family, unit in (
        (Family(names.DURATION, "Duration of inference.", (*_WHOSE, names.ERROR_TYPE), _SECONDS), "s"),
        (Family(names.FIRST_CHUNK, "Time to the first chunk of a stream.", _WHOSE, _SECONDS), "s"),
        (Family(names.CALL_INPUT, "Input tokens of an operation, with the cached.", _WHOSE, _TOKENS), "{token}"),
        (Family(names.CALL_OUTPUT, "Output tokens of an operation.", _WHOSE, _TOKENS), "{token}"),
        (_counter(names.USED_INPUT, "Input tokens, with the cached."), "{token}"),
        (_counter(names.USED_OUTPUT, "Output tokens, with the reasoning."), "{token}"),
        (_counter(names.USED_CACHE_READ, "Input tokens from a cache."), "{token}"),
        (_counter(names.USED_CACHE_WRITE, "Input tokens to a cache."), "{token}"),
        (_counter(names.USED_REASONING, "Output tokens of reasoning."), "{token}"),
    )
}
_OF_USAGE = (
    (names.USED_INPUT, names.INPUT_TOKENS, names.CALL_INPUT),
    (names.USED_OUTPUT, names.OUTPUT_TOKENS, names.CALL_OUTPUT),
    (names.USED_CACHE_READ, names.CACHE_READ, ""),
    (names.USED_CACHE_WRITE, names.CACHE_WRITE, ""),
    (names.USED_REASONING, names.REASONING_TOKENS, ""),
)


class CallMetrics:
    """Totals over calls since a time; bounded, whatever models are named.

    :ivar since_s: the start time, in seconds since the epoch.
    """

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self._tallies = Tallies()
        self._sets: set[tuple[str, ...]] = set()

    def add(self, record: Record) -> None:
        """Add a shipped call; anything but a model call is ignored."""
        if operation_of(record) is None:
            return
        # Without the body, of which no setting is an attribute here: reading it would cost more than all the sums.
        attributes = call_attributes({**record, "request": {**fields(record.get("request")), "body": None}})
        whose = self._bounded(tuple(str(attributes.get(name, "")) for name in _WHOSE))
        if record.get("duration_ms") is not None:
            error = str(attributes.get(names.ERROR_TYPE, ""))
            self._observe(names.DURATION, (*whose, error), record["duration_ms"] / 1e3)
        if names.TIME_TO_FIRST_CHUNK in attributes:
            self._observe(names.FIRST_CHUNK, whose, attributes[names.TIME_TO_FIRST_CHUNK])
        for used, attribute, per_call in _OF_USAGE:
            if attribute in attributes:
                self._tallies.count(FAMILIES[used][0], (*whose, "unknown"), float(attributes[attribute]))  # type: ignore[arg-type]
                if per_call:
                    self._observe(per_call, whose, attributes[attribute])

    def samples(self) -> list[Sample]:
        """Return the totals as samples."""
        return self._tallies.samples()

    def _observe(self, name: str, labels: tuple[str, ...], value: Any) -> None:
        self._tallies.observe(FAMILIES[name][0], labels, float(value))

    def _bounded(self, whose: tuple[str, ...]) -> tuple[str, ...]:
        if whose in self._sets or len(self._sets) < MOST_SETS:
            self._sets.add(whose)
            return whose
        # The server is replaced, too, because clients that send arbitrary model names are what this bound is for.
        return (*whose[:1], OTHER, OTHER, OTHER, "", "")
