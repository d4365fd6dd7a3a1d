"""Explanations of the header fields that report limits."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

#: The meaning of header fields by name, from the documentation of Anthropic ("Rate limits", platform.claude.com) and
#: OpenAI ("Rate limits", platform.openai.com), and RFC 9110, section 10.2.3.
# The special ones precede the general ones, because the first match applies.
_MEANINGS: Sequence[tuple[str, str]] = (
    (r"retry-after-ms", "milliseconds to wait before the next attempt"),
    (r"retry-after", "seconds, or a date, to wait before the next attempt"),
    (r"x-should-retry", "whether the provider wants the call repeated"),
    (r"anthropic-ratelimit-unified-(.+)-utilization", "how full the window {0} of the subscription is"),
    (r"anthropic-ratelimit-unified-(.+)-reset", "when the window {0} of the subscription resets"),
    (r"anthropic-ratelimit-unified-(.+)-status", "whether the window {0} of the subscription lets calls through"),
    (r"anthropic-ratelimit-unified-representative-claim", "the window that counts now"),
    (r"anthropic-ratelimit-unified-(.+)", "of the subscription's windows: {0}"),
    (r"(?:anthropic|x)-ratelimit-(.+)-limit|x-ratelimit-limit-(.+)", "{0}: how many in a window"),
    (r"(?:anthropic|x)-ratelimit-(.+)-remaining|x-ratelimit-remaining-(.+)", "{0}: how many are left"),
    (r"(?:anthropic|x)-ratelimit-(.+)-reset|x-ratelimit-reset-(.+)", "{0}: when all of it is available again"),
    (r"x-codex-(primary|secondary)-used-percent", "how full the {0} window is, in percent"),
    (r"x-codex-(primary|secondary)-window-minutes", "how long the {0} window is, in minutes"),
    (r"x-codex-(primary|secondary)-reset.*", "when the {0} window resets"),
    (r"x-stainless-retry-count", "how often the client has tried before"),
)
_PATTERNS = [(re.compile(pattern + r"\Z", re.IGNORECASE), sentence) for pattern, sentence in _MEANINGS]


def meaning(name: str) -> str | None:
    """Return what a header field states about limits; None for other fields."""
    for pattern, sentence in _PATTERNS:
        found = pattern.match(name)
        if found:
            part = next((group for group in found.groups() if group), "")
            return sentence.format(part.replace("-", " "))
    return None


def readable(value: str) -> str | None:
    """Format the value of a limit for people if that differs: a time in seconds, a share."""
    # A time from 2001 to 2033 in seconds since the epoch; no limit of tokens or requests is that large.
    if re.fullmatch(r"1[0-9]{9}(\.[0-9]+)?", value):
        return datetime.fromtimestamp(float(value), UTC).strftime("%-d %b, %H:%M:%S UTC")
    if re.fullmatch(r"0\.[0-9]{1,6}", value):
        return f"{float(value):.0%}"
    return None


def explained(pairs: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Return the fields about limits: name, formatted value, meaning."""
    found = []
    for name, value in pairs:
        sentence = meaning(str(name))
        if sentence:
            found.append((str(name), readable(str(value)) or str(value), sentence))
    return found


def pairs_of(part: Mapping[str, Any] | None) -> list[Any]:
    """Return the header fields of a request or an answer in their order."""
    given = part or {}
    return list(given.get("headers_raw") or (given.get("headers") or {}).items())
