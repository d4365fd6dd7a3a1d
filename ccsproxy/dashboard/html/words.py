"""The words for states, and their tones: always a word in addition to a colour."""

from typing import Any

import attr

from ccsproxy.dashboard.html.markup import h


@attr.frozen
class ShownState:
    """A state of an exchange.

    :ivar tone: ``good``, ``warn``, ``bad`` or ``run``; the style sheet has a colour for each.
    :ivar meaning: one sentence for readers who do not know the word.
    """

    word: str
    tone: str
    meaning: str = ""


RUNNING = ShownState("In flight", "run", "The answer has not ended yet.")
OUTCOMES = {
    "complete": ShownState("Complete", "good", "The answer arrived completely."),
    "http_error": ShownState("HTTP error", "bad", "The upstream answered with an error status."),
    "stream_error": ShownState("Stream error", "bad", "The stream itself reported an error."),
    "client_disconnected": ShownState(
        "Client left", "warn", "The client closed the connection before the answer ended."
    ),
    "upstream_truncated": ShownState(
        "Cut off", "bad", "The upstream ended the connection in the middle of the answer."
    ),
    "upstream_unreachable": ShownState("Unreachable", "bad", "No connection to the upstream could be made."),
    "tls_handshake_failed": ShownState(
        "TLS failed", "bad", "The upstream's certificate or handshake was not acceptable."
    ),
    "upstream_timeout": ShownState("Timed out", "bad", "The upstream did not answer in time."),
    "upstream_error": ShownState("Upstream error", "bad", "The upstream broke the rules of HTTP."),
    "request_too_large": ShownState("Too large", "warn", "The request was larger than allowed."),
    "refused": ShownState(
        "Refused", "warn", "The request was malformed or not allowed, and nothing was sent upstream."
    ),
    "shutdown": ShownState("Shut down", "warn", "The proxy was stopped while the answer arrived."),
    "unclean": ShownState("Unclean", "bad", "The proxy crashed while this was under way."),
}


def state_of(outcome: str | None) -> ShownState:
    """Return the state for an outcome; None is still running, an unknown one is shown by its name."""
    if outcome is None:
        return RUNNING
    return OUTCOMES.get(outcome) or ShownState(outcome.replace("_", " ").capitalize(), "bad")


def badge(state: ShownState, *more: Any, **attributes: Any) -> Any:
    """Show the state of an exchange as a badge."""
    return h.span(
        h.span(state.word, class_="word"),
        *more,
        class_=f"badge {state.tone}",
        title=state.meaning or None,
        data_testid="outcome",
        **attributes,
    )
