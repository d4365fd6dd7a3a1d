"""What the loss of a connection means for the exchange that it interrupts."""

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.web.http import PotentialDataLoss

from ccsproxy.proxy import errors
from ccsproxy.proxy.upstream.failures import tls_sentence
from ccsproxy.proxy.upstream.response import WHOLE, RelayResponse
from ccsproxy.proxy.upstream.response_body import Body

#: The reason for the end of every body that is delimited by the end of its connection.
UNVERIFIED = Failure(PotentialDataLoss())


def lost_before_response(reason: Failure, *, partial: bool, first: bool, plain: bool = False) -> errors.RelayError:
    """Return the error for a missing response.

    :param reason: why the connection ended.
    :param partial: part of the head had arrived.
    :param first: it was the connection's first request, so a TLS alert may still belong to the handshake: with TLS
    1.3 a server refuses a client certificate only after the client has finished.
    :param plain: the connection was not encrypted, which may be why the upstream closed it.
    """
    sentence = tls_sentence(reason.value) if first else None
    if sentence is not None:
        return errors.TLSHandshakeFailed(sentence)
    if partial:
        return errors.UpstreamReset("The upstream closed the connection in the middle of its response head.")
    hint = "; if it expects TLS, write https:// in place of http://" if first and plain else ""
    return errors.UpstreamReset(f"The upstream closed the connection before it sent a response{hint}.")


def cut_off(response: RelayResponse, body: Body, held: bytes | None, reason: Failure) -> None:
    """End a body whose connection has been lost.

    :param held: body bytes that were read but not delivered yet.
    """
    broken: errors.RelayError | None = None
    if held:
        try:
            response.keep(body.feed(held))
        except errors.UpstreamProtocolError as error:
            broken = error
    response.end(_ending(body, broken, reason), body.trailers)


def _ending(body: Body, broken: errors.RelayError | None, reason: Failure) -> Failure:
    if broken is not None:
        return Failure(broken)
    if body.done:
        return WHOLE
    if body.until_close and reason.check(ConnectionDone):
        return UNVERIFIED
    reset = reason.check(ConnectionLost) is not None
    sentence = "The upstream ended the connection in the middle of its response."
    return Failure(errors.UpstreamTruncated(sentence, reset=reset))
