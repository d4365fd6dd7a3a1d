"""Token counts as providers write them: which values are counts, and how counts that include others are separated."""

import re
from decimal import Decimal
from typing import Any

from ccsproxy.exchange.bounds import MOST

#: A run of letters, digits and underscores. No tokenizer that is known joins two words that something parts.
_WORD = re.compile(r"\w+")
#: Longer words count as several tokens; nearly all tokens of the public vocabularies are shorter.
_LONGEST_TOKEN = 24


def count(value: Any) -> int | None:
    """Return a JSON number as a token count; None if it is not one, or exceeds what all readers can represent."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST else None


def within(raw: dict[str, Any], member: str, key: str) -> int | None:
    """Return a count in a nested object."""
    inner = raw.get(member)
    return count(inner.get(key)) if isinstance(inner, dict) else None


def less(total: int | None, *parts: int | None) -> int | None:
    """Subtract the known parts; parts that exceed their total make the rest unknown."""
    if total is None:
        return None
    rest = total - sum(part for part in parts if part is not None)
    return rest if rest >= 0 else None


def amount(value: Any) -> float | None:
    """Return an amount of money; None if it is not one."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= MOST else None


def tool_counts(**counts: Any) -> dict[str, int] | None:
    """Return how often the provider's own tools ran, by kind; None if none did or none are reported."""
    return {kind: known for kind, value in counts.items() if (known := count(value))} or None


def exceeds(raw: Any) -> bool:
    """Return whether a provider's object contains a number that exceeds what all readers can represent."""
    waiting = [raw]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, (int, float, Decimal)) and not -MOST <= node <= MOST:
            return True
    return False


def least_tokens(text: str) -> int:
    """Return how many tokens a text has at the least: one a word, more for words that no vocabulary holds."""
    return sum(1 + (match.end() - match.start() - 1) // _LONGEST_TOKEN for match in _WORD.finditer(text))
