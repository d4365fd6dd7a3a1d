"""Notices that a reader has to know before trusting the pages: about capture, store and redaction."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccsproxy.dashboard.html.figures import plural


def notices(health: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each problem, the most serious first."""
    return [*_capture(health), *_losses(health), *_redaction(health)]


def _capture(health: Mapping[str, Any]) -> Iterator[str]:
    if health.get("recorder") == "down":
        yield "Capture is down: calls are still relayed, and kept back until the recorder runs again."
    elif health.get("store") == "degraded":
        yield "Capture is degraded: calls are still relayed, but records may be late or missing. See /api/health."
    if health.get("capture_level") == "metadata":
        yield "Bodies are not kept: ccsproxy runs with --capture metadata."
    elif health.get("capture_level") == "off":
        yield "Nothing is recorded: ccsproxy runs with --capture off."


def _losses(health: Mapping[str, Any]) -> Iterator[str]:
    dropped = health.get("dropped")
    lost = sum(each for each in dropped.values() if isinstance(each, int)) if isinstance(dropped, dict) else dropped
    if isinstance(lost, int) and lost > 0:
        yield f"{plural(lost, 'record')} could not be kept since the start."


def _redaction(health: Mapping[str, Any]) -> Iterator[str]:
    if health.get("redact") is False:
        yield "Redaction is off: secrets are kept and shown as they were sent."
