"""How an exchange ends: one outcome per ending, and the error kinds that go with it."""

from enum import StrEnum


class Outcome(StrEnum):
    """The one outcome of an exchange."""

    COMPLETE = "complete"
    HTTP_ERROR = "http_error"
    STREAM_ERROR = "stream_error"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_TRUNCATED = "upstream_truncated"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_ERROR = "upstream_error"
    REQUEST_TOO_LARGE = "request_too_large"
    REFUSED = "refused"
    SHUTDOWN = "shutdown"
    UNCLEAN = "unclean"


class Category(StrEnum):
    """What kind of request an exchange is."""

    MODEL = "model"
    COUNT_TOKENS = "count_tokens"
    MODELS = "models"
    AUTH = "auth"
    TELEMETRY = "telemetry"
    OTHER = "other"


#: The error kind of a WebSocket handshake that is not relayed; every agent then falls back to HTTP at once.
UPGRADE_REFUSED = "upgrade_refused"


def is_error(outcome: str, kind: str | None) -> bool:
    """Whether an ending is an error: anything but a complete response, or a WebSocket that we do not relay.

    :param kind: the error kind that goes with the outcome, None if there is none.
    """
    return outcome != Outcome.COMPLETE and not (outcome == Outcome.REFUSED and kind == UPGRADE_REFUSED)
