"""The charges for each kind of a call's tokens: write, read, input, output; their sum is the call's price."""

import msgspec

from ccsproxy.insight.facts import Call, Rates, Tokens

_MILLION = 1e6
#: Stretches of a prompt with one rate, as ``(end in tokens, dollars per token)``.
Billed = tuple[tuple[float, float], ...]


class Charges(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars by kind of token; None if a count or a rate is unknown.

    :ivar other: what the price includes besides tokens, such as searches or a faster tier.
    """

    total: float | None = None
    read: float | None = None
    write: float | None = None
    input: float | None = None
    output: float | None = None
    other: float | None = None


def charges(call: Call) -> Charges:
    """Split the price of a call."""
    if call.rates is None:
        return Charges(total=call.cost)
    tokens, rates = call.tokens, call.rates
    five, hour = written_split(tokens)
    found = {
        "read": _part(tokens.read or 0, rates.read),
        "write": _sum(_part(five, rates.write_5m), _part(hour, rates.write_1h)),
        "input": _part(tokens.input, rates.input),
        "output": _part(tokens.output, rates.output),
    }
    known = [value for value in found.values() if value is not None]
    # An unknown kind would otherwise be attributed to ``other``.
    other = None if call.cost is None or len(known) < len(found) else call.cost - sum(known)
    return Charges(total=call.cost, **found, other=other if other is not None and abs(other) > 5e-7 else None)


def written_split(tokens: Tokens) -> tuple[int, int]:
    """Return the tokens written for five minutes and for an hour; five minutes is the default."""
    written = tokens.written or 0
    hour = min(tokens.written_1h or 0, written)
    return written - hour, hour


def _part(count: int | None, rate: float | None) -> float | None:
    if count == 0:
        return 0.0
    return None if count is None or rate is None else count * rate / _MILLION


def _sum(*values: float | None) -> float | None:
    return None if any(value is None for value in values) else sum(value or 0.0 for value in values)


def spans(call: Call) -> Billed:
    """Return ``(end, rate)`` of the stretches of a prompt with one rate each, from its beginning on.

    Providers read the first tokens, write the next, the longer lifetime first, and bill the rest as input ("Prompt
    caching", platform.claude.com, mixed lifetimes). Rates are dollars per token.

    :return: empty if a required rate is unknown.
    """
    tokens, rates = call.tokens, call.rates or Rates()
    five, hour = written_split(tokens)
    found: list[tuple[float, float]] = []
    at = 0.0
    for count, rate in ((tokens.read or 0, rates.read), (hour, rates.write_1h), (five, rates.write_5m),
                        (tokens.input or 0, rates.input)):  # fmt: skip
        if not count:
            continue
        if rate is None:
            return ()
        at += count
        found.append((at, rate / _MILLION))
    return tuple(found)
