"""Readable messages for failed connections, from the errors of sockets, OpenSSL and service-identity."""

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error as internet_error

from ccsproxy.proxy.errors import RelayError, TLSHandshakeFailed, UpstreamUnreachable

_CODES = SSL.X509VerificationCodes
_UNKNOWN_AUTHORITY = "The upstream's certificate was issued by an authority that is not trusted; see --upstream-ca."
_SENTENCES = {
    _CODES.ERR_CERT_HAS_EXPIRED: "The upstream's certificate, or one in its chain, has expired.",
    _CODES.ERR_CERT_NOT_YET_VALID: "The upstream's certificate is not valid yet; check this machine's clock.",
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: (
        "The upstream's certificate is self-signed and not trusted; see --upstream-ca."
    ),
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: _UNKNOWN_AUTHORITY,
    _CODES.ERR_INVALID_PURPOSE: "The upstream's certificate is not valid for servers.",
}
#: What OpenSSL reports for a response that is not TLS, such as plain HTTP.
_NOT_TLS = ("wrong version number", "http request", "packet length too long", "record layer failure")


class CertificateRefused(Exception):
    """A certificate was not accepted; the message says why."""


def refusal(error: BaseException, host: str) -> CertificateRefused:
    """Return the refusal for a failed check of a certificate's names.

    :param error: what the check raised.
    :param host: the expected name.
    """
    if isinstance(error, VerificationError):
        return CertificateRefused(f"The upstream's certificate is not for {host}.")
    if isinstance(error, CertificateError):
        return CertificateRefused("The upstream's certificate has no valid subjectAltName, so no host matches.")
    return CertificateRefused(f"The upstream's certificate could not be checked ({type(error).__name__}).")


def chain_refusal(code: int) -> CertificateRefused:
    """Return the refusal of a certificate chain.

    :param code: OpenSSL's verification error.
    """
    return CertificateRefused(
        _SENTENCES.get(code, f"The upstream's certificate is not trusted (OpenSSL verification error {code}).")
    )


def tls_sentence(error: BaseException | None) -> str | None:
    """Return the message for a lost connection if TLS was the cause, else None."""
    if isinstance(error, CertificateRefused):
        return str(error)
    if isinstance(error, SSL.Error):
        queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
        words = "; ".join(str(entry[-1]) for entry in queue if entry)
        if any(sign in words for sign in _NOT_TLS):
            return (
                "The upstream does not use TLS on that port; if that is intended, write http:// in place of https://."
            )
        return f"The TLS handshake with the upstream failed: {words or 'the connection was closed'}."
    return None


_CONNECT_SENTENCES: list[tuple[type[Exception], str]] = [
    (internet_error.DNSLookupError, "The upstream's host name cannot be resolved."),
    (internet_error.ConnectionRefusedError, "The upstream refused the connection; nothing listens there."),
    (internet_error.NoRouteError, "There is no route to the upstream."),
    (internet_error.TimeoutError, "The upstream did not answer the connection attempt."),
    (internet_error.TCPTimedOutError, "The upstream did not answer the connection attempt."),
    (internet_error.ConnectionDone, "The upstream closed the connection while it was being made."),
    (internet_error.ConnectionLost, "The upstream aborted the connection while it was being made."),
]


def as_relay_error(error: Exception) -> RelayError:
    """Convert a failed connection attempt into an error of `ccsproxy.proxy.errors`."""
    if isinstance(error, RelayError):
        return error
    sentence = tls_sentence(error)
    if sentence is not None:
        return TLSHandshakeFailed(sentence)
    for cls, words in _CONNECT_SENTENCES:
        if isinstance(error, cls):
            return UpstreamUnreachable(words)
    return UpstreamUnreachable(f"The upstream cannot be reached ({type(error).__name__}).")
