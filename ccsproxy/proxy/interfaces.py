"""What the two halves of the relay expect of one another."""

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
    """When the steps of one exchange's upstream side happened; filled in as they happen.

    Whoever asks for an exchange makes one and hands it over, so that it is readable however the exchange ends.

    :ivar connected: when an upstream connection was there (reused ones: when it was taken), monotonic seconds.
    :ivar reused: whether that connection had carried a request before.
    :ivar request_sent: when the last byte of the request was handed to the upstream's transport, monotonic seconds.
    :ivar waited: for how many seconds the request waited for the end of a turn of the reactor.
    """

    __slots__ = ("connected", "request_sent", "reused", "waited")

    def __init__(self) -> None:
        self.connected: float | None = None
        self.reused = False
        self.request_sent: float | None = None
        self.waited = 0.0


class IWholeBody(IBodyProducer):
    """A request body that can be had at once, without being produced piece by piece."""

    def whole_body() -> bytes | None:
        """Return the body if all of it is there and nobody has begun to take it; it is handed over then."""


class IRelayResponse(Interface):
    """The final response of an upstream, its body still to come.

    The body's transport (`IProtocol.makeConnection`) is a push producer (``pauseProducing``, ``resumeProducing``,
    ``stopProducing``) with ``loseConnection`` and ``abortConnection``; the last three all break the upstream's
    connection off at once, and all five do nothing once the body has ended. Between the head and
    `deliverBody` the upstream is paused.

    The body protocol's ``connectionLost`` is called exactly once unless the body was aborted by its own side, with a
    failure of ``twisted.web.client.ResponseDone`` (whole by its own framing), ``twisted.web.http.PotentialDataLoss``
    (framed by the end of the connection only), or a `ccsproxy.proxy.errors.RelayError`. After ``abortConnection`` it
    is not called.
    """

    code: int = Attribute("The status, 200 to 599.")
    phrase: bytes = Attribute("The reason phrase, without line ends; may be empty.")
    version: str = Attribute("``1.0`` or ``1.1``.")
    lines: bytes = Attribute("Every header line as it came, framing fields included.")
    forward: bytes = Attribute("The lines that go on: without those that concern the upstream's connection only.")
    length: object = Attribute("The body's length in bytes, or `twisted.web.iweb.UNKNOWN_LENGTH`.")
    upload: Any = Attribute("Takes the `IBodyProducer` of what follows a change of protocol; None without one.")
    headers: Headers = Attribute("The header lines for Twisted's readers; made when asked for.")
    trailers: RawHeaders = Attribute("The trailer fields; complete when the body has ended.")

    def deliverBody(protocol: IProtocol) -> None:
        """Hand the body to a protocol: one ``dataReceived`` for each read, in the turn of the read.

        What has been read of it with the head, and its end if that has been seen, are delivered before this returns.
        """

    def abortConnection() -> None:
        """Break the upstream's connection off at once; also instead of `deliverBody`."""


class ITransparentClient(Interface):
    """One upstream, ready to be asked."""

    def send(
        method: bytes, target: bytes, headers: bytes, data: IBodyProducer | None, marks: UpstreamTimings | None = None
    ) -> Deferred[IRelayResponse]:
        """Send a request once.

        Cancelling the Deferred breaks the connection, or the attempt to make one, off at once.

        :param target: origin-form bytes, with the upstream's base path; never a destination.
        :param headers: lines as bytes, each with its line end, complete but for framing: ``Transfer-Encoding:
            chunked`` is appended when ``data.length`` is `twisted.web.iweb.UNKNOWN_LENGTH`; a ``Content-Length`` in
            them must equal ``data.length``.
        :param data: the body; ``stopProducing`` is called when the upstream wants no more of it.
        :return: the response's head, or a failure of a `ccsproxy.proxy.errors.RelayError`.
        """

    def upgrade(target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Send a GET after which the upstream may speak another protocol.

        A response with status 101, and only that, has an ``upload`` that is not None; whatever follows it in either
        direction is passed on as it is.

        :param headers: lines as bytes, those about the connection among them.
        """

    def tunnel(idle: float, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Connect, and pass on whatever comes in either direction; the response is our own, with an ``upload``.

        :param idle: after so many seconds without a byte the connection is given up.
        """

    def prepare() -> Deferred[None]:
        """See to it that a connection is there for the next request; fails as `request` does."""

    def is_own(peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live one to this upstream: a loop.

        :param peer: the address that it comes from.
        :param host: the address that accepted it.
        """
