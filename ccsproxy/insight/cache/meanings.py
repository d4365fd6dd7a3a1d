"""What cache verdicts and their causes mean, in words for pages and the terminal."""

from collections.abc import Mapping
from typing import Any

#: The name of each verdict for people, and what it means.
VERDICTS: Mapping[str, tuple[str, str]] = {
    "hit": ("Hit", "all that could be read was read"),
    "partial": ("Partial", "only a part of what could be read was read"),
    "miss": ("Missed", "nothing was read, although nothing had changed"),
    "cold": ("Cold", "there was nothing to read yet"),
    "expired": ("Expired", "the entry had expired before this call"),
    "changed": ("Missed", "the prompt changed"),
    "rewritten": ("Rewritten", "the conversation was compacted"),
    "unset": ("Not asked for", "the request asked for no cache"),
    "unknown": ("Not known", "the record does not show it"),
}
_CAUSES: Mapping[str, str] = {
    "server_side": "missing at the provider, although nothing had changed",
    "parallel": "sent before the first answer began",
    "look_back": "more than 20 blocks since the last breakpoint",
    "below_minimum": "the prompt is shorter than the provider caches",
    "shared_prefix": "another conversation had written the same beginning",
    "not_recorded": "a part of the prompt is not in the record",
    "not_counted": "the answer does not say what was read",
    "writes_not_counted": "this provider does not count what it writes",
    "other_ttl": "asked for with another lifetime",
}


def meaning(cache: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of a verdict and why it is so.

    :param cache: as returned by `ccsproxy.store.reader.insights.Insights.cache`.
    """
    verdict, cause = str(cache["verdict"]), str(cache["cause"])
    name, explained = VERDICTS.get(verdict, (verdict, ""))
    if verdict == "changed":
        return name, f"the {part_words(cache['part'])} changed"
    if cause not in ("", verdict):
        explained = _CAUSES.get(cause, cause.replace("_", " "))
    return name, explained


def part_words(part: str | None) -> str:
    """Return how people call a part of a prompt."""
    return {"system": "system prompt", None: "prompt"}.get(part, str(part).replace("_", " "))
