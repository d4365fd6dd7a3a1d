"""What one call adds to the metrics; an unknown value adds nothing, never zero."""

from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.usage import Usage
from ccsproxy.insight.metrics import families
from ccsproxy.insight.metrics.tallies import LONGEST_LABEL, Tallies
from ccsproxy.providers.cost import Cost

#: The disjoint kinds of tokens, and the members of a call's usage that hold them.
_KINDS = (
    ("input", "input_tokens"),
    ("cache_read", "cache_read_input_tokens"),
    ("cache_write", "cache_creation_input_tokens"),
    ("output", "output_tokens"),
)

#: Label for the upstream of every tunnel that is not decrypted.
TUNNEL = "tunnel"


def tally(tallies: Tallies, record: Record, cost: Cost) -> None:
    """Add a finished call.

    :param cost: the cost of the call, as far as known.
    """
    # The hosts of blind tunnels are as many as there are hosts.
    upstream = TUNNEL if record.transport == "tunnel" else _label(record.upstream)
    whose = upstream, _label(record.response_model or record.model or "")
    tallies.count(families.EXCHANGES, (*whose, record.category, record.outcome))
    if record.timing.overhead_us is not None:
        tallies.observe(families.OVERHEAD, (upstream,), record.timing.overhead_us / 1e6)
    if record.usage is not None:
        _tally_usage(tallies, whose, record.usage)
    if record.category == Category.MODEL:
        _tally_waits(tallies, whose, record)
        _tally_cost(tallies, whose, cost)


def _label(text: str) -> str:
    """Return a name as a label: JSON may contain lone surrogates, which no text format can encode."""
    return text[:LONGEST_LABEL].encode("utf-8", "replace").decode()


def _tally_usage(tallies: Tallies, whose: tuple[str, str], usage: Usage) -> None:
    for kind, member in _KINDS:
        count = getattr(usage, member)
        if count:
            tallies.count(families.TOKENS, (*whose, kind), count)
    if usage.reasoning_tokens:
        tallies.count(families.REASONING, whose, usage.reasoning_tokens)


def _tally_waits(tallies: Tallies, whose: tuple[str, str], record: Record) -> None:
    if record.ttft_ms is not None:
        tallies.observe(families.FIRST_TOKEN, whose, record.ttft_ms / 1e3)
    if record.duration_ms is not None:
        tallies.observe(families.DURATION, whose, record.duration_ms / 1e3)


def _tally_cost(tallies: Tallies, whose: tuple[str, str], cost: Cost) -> None:
    known = cost.dollars if cost.dollars is not None else cost.at_least
    if known:
        tallies.count(families.COST, whose, known)
    if cost.dollars is None:
        tallies.count(families.UNPRICED, (*whose, cost.gap or "price"))
