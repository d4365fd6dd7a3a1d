"""Why a connection could not be made, as one of the relay's own errors."""

from twisted.internet import error as internet_error

from ccsproxy.proxy.errors import RelayError, TLSHandshakeFailed, UpstreamUnreachable
from ccsproxy.proxy.upstream.failures import tls_sentence

_SENTENCES: list[tuple[type[Exception], str]] = [
    (internet_error.DNSLookupError, "The upstream's host name cannot be resolved."),
    (internet_error.ConnectionRefusedError, "The upstream refused the connection; nothing listens there."),
    (internet_error.NoRouteError, "There is no route to the upstream."),
    (internet_error.TimeoutError, "The upstream did not answer the connection attempt."),
    (internet_error.TCPTimedOutError, "The upstream did not answer the connection attempt."),
    (internet_error.ConnectionDone, "The upstream closed the connection while it was being made."),
    (internet_error.ConnectionLost, "The upstream broke the connection off while it was being made."),
]


def as_relay_error(error: Exception) -> RelayError:
    """Give a failed connection attempt its place in `ccsproxy.proxy.errors`."""
    if isinstance(error, RelayError):
        return error
    sentence = tls_sentence(error)
    if sentence is not None:
        return TLSHandshakeFailed(sentence)
    for cls, words in _SENTENCES:
        if isinstance(error, cls):
            return UpstreamUnreachable(words)
    return UpstreamUnreachable(f"The upstream cannot be reached ({type(error).__name__}).")
