"""How an exchange ends: one name for each ending, and the kinds of error beside them."""

from enum import StrEnum


class Outcome(StrEnum):
    """The one ending of an exchange (contract, section 3)."""

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
    """What kind of call an exchange is (contract, section 4)."""

    MODEL = "model"
    COUNT_TOKENS = "count_tokens"
    MODELS = "models"
    AUTH = "auth"
    TELEMETRY = "telemetry"
    OTHER = "other"


#: The error kind of a WebSocket handshake that is not relayed; every agent then goes on over HTTP at once.
UPGRADE_REFUSED = "upgrade_refused"


def is_error(outcome: str, kind: str | None) -> bool:
    """Whether an ending is an error: every one but a whole answer, and a WebSocket that we do not relay.

    :param kind: of the error beside the outcome, None where there is none.
    """
    return outcome != Outcome.COMPLETE and not (outcome == Outcome.REFUSED and kind == UPGRADE_REFUSED)
