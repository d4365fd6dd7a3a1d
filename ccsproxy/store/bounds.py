"""Bounds within which a record's numbers are believed: an upstream may send any."""

from typing import Any

import msgspec

from ccsproxy.exchange.usage import Usage

#: The largest value accepted as a count: what every JSON parser represents exactly.
LARGEST_COUNT = (1 << 53) - 1
_COUNTS = tuple(name for name in Usage.__struct_fields__ if "_tokens" in name or name.startswith("cache_"))


def bounded_json(value: Any) -> Any:
    """Return JSON in which numbers too large to be counts are replaced by null."""
    if isinstance(value, dict):
        return {name: bounded_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [bounded_json(item) for item in value]
    return None if type(value) is int and not -LARGEST_COUNT <= value <= LARGEST_COUNT else value


def bounded_count(value: int | None) -> int | None:
    """Return a valid count unchanged, null for any other value: an upstream may send anything."""
    return value if value is not None and 0 <= value <= LARGEST_COUNT else None


def bounded_usage(usage: Usage | None) -> Usage | None:
    """Return a usage without impossible counts."""
    if usage is None:
        return None
    counts = ((name, getattr(usage, name)) for name in _COUNTS)
    odd = {name: None for name, count in counts if count is not None and bounded_count(count) is None}
    return msgspec.structs.replace(usage, **odd) if odd else usage


def bounded_span(value: float | None) -> float | None:
    """Return a valid duration in milliseconds unchanged, null for any other value."""
    return value if value is not None and 0 <= value <= LARGEST_COUNT else None
