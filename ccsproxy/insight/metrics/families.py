"""The metric families: a row for each, named by Prometheus' conventions.

Units are base units (seconds, dollars) and end the name; counters are named without ``_total``, which the exposition
adds. Source: prometheus.io/docs/practices/naming and /instrumentation.
"""

import attr

#: Histogram bounds in seconds for waiting times: the doubling steps of the GenAI conventions, up to ten minutes.
WAITS = (0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36)
#: Histogram bounds in seconds for the proxy's own overhead per call.
OVERHEADS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5)


@attr.frozen
class Family:
    """One metric.

    :ivar labels: their names; every family that has a model has the upstream before it.
    :ivar buckets: upper bounds of a histogram, without infinity; empty for a counter.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


EXCHANGES = Family(
    "ccsproxy_exchanges",
    "Exchanges that have ended, by how they ended.",
    ("upstream", "model", "category", "outcome"),
)
TOKENS = Family(
    "ccsproxy_tokens",
    "Tokens that providers have counted; no kind holds another's.",
    ("upstream", "model", "kind"),
)
REASONING = Family(
    "ccsproxy_reasoning_tokens",
    "The part of the output tokens that was reasoning, if the provider reports it.",
    ("upstream", "model"),
)
COST = Family(
    "ccsproxy_cost_dollars",
    "US dollars by list price; a lower bound while ccsproxy_unpriced_exchanges_total grows.",
    ("upstream", "model"),
)
UNPRICED = Family(
    "ccsproxy_unpriced_exchanges",
    "Model calls whose cost is not wholly known, by what is missing.",
    ("upstream", "model", "gap"),
)
FIRST_TOKEN = Family(
    "ccsproxy_time_to_first_token_seconds",
    "From the first byte of a model call to the first content of its answer.",
    ("upstream", "model"),
    WAITS,
)
DURATION = Family(
    "ccsproxy_exchange_duration_seconds",
    "From the first byte of a model call to the last of its answer, however it ended.",
    ("upstream", "model"),
    WAITS,
)
OVERHEAD = Family(
    "ccsproxy_relay_overhead_seconds",
    "What the proxy itself has taken of an exchange between reading and writing.",
    ("upstream",),
    OVERHEADS,
)

FAMILIES = {
    each.name: each for each in (EXCHANGES, TOKENS, REASONING, COST, UNPRICED, FIRST_TOKEN, DURATION, OVERHEAD)
}
