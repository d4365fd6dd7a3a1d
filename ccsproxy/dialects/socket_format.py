"""The common base of dialects that exist only over WebSocket."""

from typing import Any

from ccsproxy.dialects.answer import Settled
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import note_error
from ccsproxy.dialects.route import Path, Routed


class SocketFormat:
    """A dialect that exists only over WebSocket; the code that opens the connection selects it."""

    family: frozenset[str] = frozenset()
    line_stream = False
    streams_unasked = False
    array_stream = False

    def route(self, facts: Facts, path: Path) -> Routed | None:
        """Recognise no target: an HTTP request there is not answered by a model."""
        return None

    def recognises(self, value: Any) -> bool:
        """Claim nothing: the protocol is known before its first event."""
        return False

    def whole(self, value: Any, findings: Findings, facts: Facts = NOTHING) -> Settled:
        """Read a JSON body, which can only be an error."""
        note_error(value, findings)
        return Settled(body=value)
