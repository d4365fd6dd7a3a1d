"""Leaks: which kinds of secrets were sent to providers, where, since when, and how often."""

from collections.abc import Iterable
from typing import Any

import attr

from ccsproxy.insight.conversation.conversation import moment
from ccsproxy.insight.facts import Call

_MOST_PLACES = 20


@attr.define(eq=False)
class Leak:
    """One kind of secret in the traffic with one upstream.

    :ivar identities: what distinguishes the secrets of this kind.
    """

    kind: str
    upstream: str
    first: Call
    last: Call
    calls: int = 0
    sessions: set[str] = attr.field(factory=set)
    identities: set[tuple[str, str]] = attr.field(factory=set)
    places: dict[str, int] = attr.field(factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Write the leak as the API answers it."""
        return {
            "kind": self.kind,
            "upstream": self.upstream,
            "first": {"session_id": self.first.session_id, "seq": self.first.seq,
                      "at": moment(self.first.started_ms)},
            "last": {"session_id": self.last.session_id, "seq": self.last.seq, "at": moment(self.last.started_ms)},
            "secrets": len(self.identities),
            "calls": self.calls,
            "sessions": len(self.sessions),
            "places": [{"where": where, "calls": calls} for where, calls in list(self.places.items())[:_MOST_PLACES]],
        }  # fmt: skip


def leaks(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Return the kinds of secrets that requests carried, the most frequent first.

    Headers that authenticate a call are not leaks, as the provider has to receive them; capture does not list them.
    """
    found: dict[tuple[str, str], Leak] = {}
    for call in sorted(calls, key=lambda each: each.started_ms):
        seen: dict[tuple[str, str], None] = {}
        for secret in call.outbound:
            key = secret.kind, call.upstream
            leak = found.setdefault(key, Leak(*key, call, call))
            leak.identities.add(secret.identity)
            leak.places[secret.where] = leak.places.get(secret.where, 0) + 1
            # Several of one kind in a call are several secrets, and one call.
            seen[key] = None
        for key in seen:
            leak = found[key]
            leak.calls, leak.last = leak.calls + 1, call
            leak.sessions.add(call.session_id)
    return [leak.as_dict() for leak in sorted(found.values(), key=lambda each: -each.calls)]
