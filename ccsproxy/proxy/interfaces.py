"""Interfaces between the client-facing and the upstream-facing half of the relay."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import Attribute, Interface

from ccsproxy.exchange.fieldlines import RawHeaders

#: A monotonic clock in seconds, `time.monotonic` in production.
Seconds = Callable[[], float]


class UpstreamTimings:
    """When the upstream steps of one exchange happened; filled in as they happen.

    The caller creates it and passes it in, so that it can be read however the exchange ends.

    :ivar connected: when an upstream connection was ready (reused ones: when it was taken), monotonic seconds.
    :ivar reused: whether that connection had carried a request before.
    :ivar request_sent: when the last byte of the request was passed to the upstream's transport, monotonic seconds.
    :ivar waited: seconds that the request waited for the end of a reactor turn.
    """

    __slots__ = ("connected", "request_sent", "reused", "waited")

    def __init__(self) -> None:
        self.connected: float | None = None
        self.reused = False
        self.request_sent: float | None = None
        self.waited = 0.0


class IBufferedBody(IBodyProducer):
    """A request body that may be available at once, without being produced piece by piece."""

    def take_buffered() -> bytes | None:
        """Return the body and hand it over, if all of it has arrived and no consumer has started; else None."""


class IRelayResponse(Interface):
    """The final response of an upstream, before its body.

    The body's transport (`IProtocol.makeConnection`) is a push producer (``pauseProducing``, ``resumeProducing``,
    ``stopProducing``) with ``loseConnection`` and ``abortConnection``; the last three all abort the upstream
    connection at once, and all five do nothing once the body has ended. Between the head and `deliverBody` the
    upstream is paused.

    The body protocol's ``connectionLost`` is called exactly once unless its own side aborted the body, with a failure
    of ``twisted.web.client.ResponseDone`` (complete by its own framing), ``twisted.web.http.PotentialDataLoss``
    (delimited only by the end of the connection), or a `ccsproxy.proxy.errors.RelayError`. After ``abortConnection``
    it is not called.
    """

    code: int = Attribute("The status, 200 to 999.")
    phrase: bytes = Attribute("The reason phrase, without line ends; may be empty.")
    version: str = Attribute("``1.0`` or ``1.1``.")
    lines: bytes = Attribute("Every header line as received, framing fields included.")
    forward: bytes = Attribute("The lines to forward: without those that only concern the upstream's connection.")
    length: object = Attribute("The body's length in bytes, or `twisted.web.iweb.UNKNOWN_LENGTH`.")
    upload: Any = Attribute("Takes the `IBodyProducer` of the raw stream after a protocol switch; None without one.")
    headers: Headers = Attribute("The header lines as Twisted's `Headers`; built on first use.")
    trailers: RawHeaders = Attribute("The trailer fields; available when the body has ended.")

    def deliverBody(protocol: IProtocol) -> None:
        """Deliver the body to a protocol: one ``dataReceived`` per read, in the turn of the read.

        What was read of it together with the head, and its end if that has been seen, are delivered before this
        returns.
        """

    def abortConnection() -> None:
        """Abort the upstream connection at once; may be called instead of `deliverBody`."""


class ITransparentClient(Interface):
    """The client of one upstream."""

    def send(
        method: bytes, target: bytes, headers: bytes, data: IBodyProducer | None, marks: UpstreamTimings | None = None
    ) -> Deferred[IRelayResponse]:
        """Send a request exactly once.

        Cancelling the Deferred aborts the connection, or the attempt to make one, at once.

        :param target: origin-form bytes, with the upstream's base path; it cannot select a destination.
        :param headers: lines as bytes, each with its CRLF, complete except for framing: ``Transfer-Encoding:
        chunked`` is appended if ``data.length`` is `twisted.web.iweb.UNKNOWN_LENGTH`; a ``Content-Length`` among them
        must equal ``data.length``.
        :param data: the body; ``stopProducing`` is called if the upstream wants no more of it.
        :return: the response, or a failure of a `ccsproxy.proxy.errors.RelayError`.
        """

    def upgrade(target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Send a GET after which the upstream may switch protocols.

        A response with status 101, and only that, has an ``upload`` that is not None; whatever follows it in either
        direction is passed on unchanged.

        :param headers: lines as bytes, including those about the connection.
        """

    def tunnel(idle: float, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Connect, and pass on bytes in both directions; the response is made by us, with an ``upload``.

        :param idle: the connection is closed after this many seconds without a byte.
        """

    def prepare() -> Deferred[None]:
        """Ensure that a connection is available for the next request; fails as `request` does."""

    def is_own(peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live one to this upstream: a loop.

        :param peer: its remote address.
        :param host: its local address.
        """
