"""What the dialects that are spoken only over WebSocket have in common."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import note_error
from ccsproxy.dialects.route import Path, Routed


class SocketFormat:
    """A dialect that is met over WebSocket only: who opens the connection says which one it is."""

    family: frozenset[str] = frozenset()
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise no target: what a request of HTTP asks for there is no answer of a model."""
        return None

    def recognises(self, value: Any) -> bool:
        """Claim nothing: the protocol is known before its first event."""
        return False

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a JSON body, which can only be an error."""
        note_error(value, findings)
        return Settled(body=value)
