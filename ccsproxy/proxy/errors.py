"""How relaying can fail: one class per failure, with the outcome, kind, status and message it leads to."""

from ccsproxy.exchange.outcome import Outcome


class RelayError(Exception):
    """An exchange could not be relayed, or not completely.

    :cvar outcome: the outcome in the exchange's record.
    :cvar kind: the error's kind in the record.
    :cvar status: the status sent to the client if no response head has been sent to it yet.
    :cvar error_type: the ``type`` in the JSON body of that response.
    :ivar message: one sentence for people, free of secrets.
    """

    outcome: Outcome = Outcome.UPSTREAM_ERROR
    kind: str = "upstream_error"
    status: int = 502
    error_type: str = "upstream_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UpstreamUnreachable(RelayError):
    """No connection to the upstream (or to the proxy in front of it) could be made."""

    outcome = Outcome.UPSTREAM_UNREACHABLE
    kind = error_type = "upstream_unreachable"


class TLSHandshakeFailed(RelayError):
    """The upstream's certificate is not trusted, or TLS could not be negotiated."""

    outcome = Outcome.TLS_HANDSHAKE_FAILED
    kind = error_type = "tls_handshake_failed"


class UpstreamTimeout(RelayError):
    """The upstream took longer than a limit allows; each limit has its own class."""

    outcome = Outcome.UPSTREAM_TIMEOUT
    kind = error_type = "upstream_timeout"
    status = 504


class ConnectTimeout(UpstreamTimeout):
    """Connecting, including tunnel and TLS handshake, took longer than ``--connect-timeout``."""

    kind = "connect_timeout"


class FirstByteTimeout(UpstreamTimeout):
    """No response head arrived within ``--first-byte-timeout`` of the end of the request."""

    kind = "first_byte_timeout"


class IdleTimeout(UpstreamTimeout):
    """A body made no progress for ``--idle-timeout`` although its receiver was ready for more."""

    kind = "idle_timeout"


class UpstreamReset(RelayError):
    """The upstream closed the connection before its response head was complete."""

    kind = "upstream_reset_before_response"


class NeverSent(UpstreamReset):
    """The connection ended before any byte of the request was written: the upstream cannot have acted on it.

    :ivar request: the request's bytes.
    """

    def __init__(self, request: bytes) -> None:
        super().__init__("The upstream closed the connection before the request was sent.")
        self.request = request


class ConnectionDead(RelayError):
    """The upstream's host has acknowledged nothing of what was sent: the path to it is dead."""

    outcome = Outcome.UPSTREAM_UNREACHABLE
    kind = "connection_dead"
    error_type = "upstream_unreachable"


class UpstreamProtocolError(RelayError):
    """The upstream sent something that is not unambiguously HTTP/1.1."""

    kind = "upstream_protocol_error"


class UpstreamTruncated(RelayError):
    """The upstream ended the connection before the end of the response body.

    :ivar kind: ``upstream_reset`` if the connection was reset rather than closed.
    """

    outcome = Outcome.UPSTREAM_TRUNCATED
    kind = "upstream_truncated"

    def __init__(self, message: str, *, reset: bool = False) -> None:
        super().__init__(message)
        if reset:
            self.kind = "upstream_reset"


class RequestBodyMismatch(RelayError):
    """The client's body did not match its ``Content-Length``; the upstream connection was aborted."""

    outcome = Outcome.REFUSED
    kind = error_type = "request_body_mismatch"
    status = 400
