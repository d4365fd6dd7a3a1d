"""The client of one upstream: treq's interface, with nothing between the caller's bytes and the wire."""

from __future__ import annotations

from typing import Any

import attr
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from ccsproxy.proxy.errors import NeverSent, UpstreamUnreachable
from ccsproxy.proxy.interfaces import IRelayResponse, ITransparentClient, UpstreamTimings
from ccsproxy.proxy.upstream.agent_adapter import AgentResponse, SentRequest, header_lines
from ccsproxy.proxy.upstream.connection import RelayConnection
from ccsproxy.proxy.upstream.pool import RelayPool


@attr.frozen
class AbsoluteForm:
    """How a request is sent to an HTTP proxy that forwards it (RFC 9112 section 3.2.2).

    :ivar origin: scheme and authority of the upstream.
    :ivar authorization: the value of ``Proxy-Authorization``, which ends at the proxy.
    """

    origin: bytes
    authorization: bytes | None = attr.field(default=None, repr=False)

    def lines(self, lines: bytes) -> bytes:
        """Add the fields meant only for the proxy to the lines of a request."""
        if self.authorization is None:
            return lines
        return b"Proxy-Authorization: %b\r\n%b" % (self.authorization, lines)


@implementer(IAgent)
class RelayAgent:
    """Sends requests to one upstream, over connections from its pool.

    :param pool: the upstream's own pool.
    :param endpoint: how the upstream is reached; nothing in a request can change it.
    :param absolute: set if the endpoint is a proxy that forwards requests.
    :param url: the upstream's, with its base path; URLs of `request` have to be below its origin.
    """

    def __init__(
        self,
        pool: RelayPool,
        endpoint: IStreamClientEndpoint,
        absolute: AbsoluteForm | None = None,
        url: bytes = b"",
    ) -> None:
        self.url = url
        self._pool = pool
        self._endpoint = endpoint
        self._absolute = absolute

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[Any]:
        """Send a request as defined by `IAgent`; only URLs of the upstream's own origin are accepted.

        :return: an `IResponse`.
        """
        requested = URI.fromBytes(uri)
        ours = URI.fromBytes(self.url) if self.url else requested
        # The client's key is sent along: it must not reach another host through a URL that somebody constructed.
        if (requested.scheme, requested.host, requested.port) != (ours.scheme, ours.host, ours.port):
            return fail(ValueError("This client serves one upstream only, and that URL belongs to another."))
        sent = SentRequest(method, uri, headers or Headers())
        lines = header_lines(headers, bodyProducer, method)
        if headers is None or not headers.hasHeader(b"host"):
            lines = b"Host: %b\r\n%b" % (requested.netloc, lines)
        return self.send(method, requested.originForm, lines, bodyProducer).addCallback(AgentResponse, sent)

    def send(
        self,
        method: bytes,
        uri: bytes,
        headers: bytes = b"",
        bodyProducer: IBodyProducer | None = None,
        marks: UpstreamTimings | None = None,
    ) -> Deferred[Any]:
        """Send a request, byte for byte; ``uri`` is the target in origin-form, and ``headers`` are lines.

        A connection is obtained before the body's producer is started, and a request is started on one connection
        only: a failure after that is reported and the request never repeated, unless not one byte of it had been
        sent.
        """
        marks = marks or UpstreamTimings()
        connection = self._pool.take()
        if connection is None:
            connecting = self._pool.connect(self._endpoint)
            return connecting.addCallback(self._send, method, uri, headers, bodyProducer, marks)
        marks.reused = True
        waiting = self._send(connection, method, uri, headers, bodyProducer, marks)
        return waiting.addErrback(self._never_sent, method, marks)

    def _send(
        self,
        connection: RelayConnection,
        method: bytes,
        target: bytes,
        headers: bytes,
        data: IBodyProducer | None,
        marks: UpstreamTimings,
    ) -> Deferred[Any]:
        marks.connected = self._pool.clock()
        absolute = self._absolute
        try:
            if absolute is None:
                return connection.request(method, target, headers, data, marks)
            waiting = connection.request(method, absolute.origin + target, absolute.lines(headers), data, marks)
            return waiting.addCallback(_refuse_challenge)
        except Exception:
            # Half of a head may have been written before the exception: this connection cannot be used again.
            connection.abort()
            return fail()

    def upgrade(self, target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[Any]:
        """Send a request after which the upstream may switch protocols."""

        def ask(connection: RelayConnection) -> Deferred[Any]:
            marks.connected = self._pool.clock()
            return connection.upgrade(target, headers, marks)

        return self._pool.getConnection(None, self._endpoint).addCallback(ask)

    def tunnel(self, idle: float, marks: UpstreamTimings) -> Deferred[Any]:
        """Connect, and pass on bytes in both directions."""

        def open_up(connection: RelayConnection) -> Any:
            marks.connected = self._pool.clock()
            return connection.tunnel(idle)

        return self._pool.connect(self._endpoint).addCallback(open_up)

    def prepare(self) -> Deferred[Any]:
        """Ensure that a connection is available for the next request."""
        connection = self._pool.take()
        connecting = succeed(connection) if connection is not None else self._pool.connect(self._endpoint)
        return connecting.addCallback(self._pool.free)

    def _never_sent(self, reason: Failure, method: bytes, marks: UpstreamTimings) -> Any:
        """Send a request on a new connection if a pooled one was lost before any byte of the request had been
        sent.
        """
        error = reason.value
        # In every other case the upstream may have received it: a POST that is sent twice is paid for twice.
        if not isinstance(error, NeverSent):
            return reason
        marks.reused = False

        def send(connection: RelayConnection) -> Deferred[Any]:
            marks.connected = self._pool.clock()
            return connection.request_again(error.request, method, marks)

        return self._pool.connect(self._endpoint).addCallback(send)

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live connection to the upstream."""
        return self._pool.is_own(peer, host)


def _refuse_challenge(response: Any) -> Any:
    """Fail if the corporate proxy demands credentials, which is not the client's business."""
    if response.code != 407:
        return response
    # The proxy's own challenge must not reach the client, which would answer it with its credentials.
    response.abortConnection()
    raise UpstreamUnreachable("The proxy in front of the upstream requires a different login; see --upstream-proxy.")


@implementer(ITransparentClient)
class TransparentClient(HTTPClient):
    """treq's client for one upstream, with the additional call that the relay needs.

    `request`, `get`, `post` and all other calls of treq accept the same arguments as treq's; a URL may be a path
    below the upstream's base path. `send` is the byte-exact call, without URL parser, cookie jar, decoder or
    redirects. Both use the same pool.
    """

    _agent: RelayAgent

    def __init__(self, agent: RelayAgent) -> None:
        super().__init__(agent)

    def request(self, method: str | bytes, url: Any, **keywords: Any) -> Deferred[Any]:
        """Send a request as `treq.client.HTTPClient.request` does.

        :param url: text or bytes: a URL of the upstream, or a path below its base path.
        :param keywords: ``params``, ``headers``, ``data``, ``json`` and treq's other arguments.
        :return: treq's response, or a failure of a `ccsproxy.proxy.errors.RelayError`, or of ValueError if the URL is
        not the upstream's.
        """
        text = method.decode("ascii") if isinstance(method, bytes) else method
        path = url.encode() if isinstance(url, str) else url
        if isinstance(path, bytes) and path.startswith(b"/"):
            url = self._agent.url + path
        keywords["_stacklevel"] = keywords.get("_stacklevel", 2) + 1
        return super().request(text, url, **keywords)

    def send(
        self,
        method: bytes,
        target: bytes,
        headers: bytes = b"",
        data: IBodyProducer | None = None,
        marks: UpstreamTimings | None = None,
    ) -> Deferred[IRelayResponse]:
        """Send a request exactly once, unchanged.

        :param method: the method's bytes, as received.
        :param target: in origin-form, base path included; it cannot select a destination.
        :param headers: lines as bytes, each with its CRLF, complete except for framing.
        :param data: the body.
        :param marks: filled in during the exchange.
        """
        return self._agent.send(method, target, headers, data, marks)

    def upgrade(self, target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Send a request after which the upstream may switch protocols; see `ITransparentClient`."""
        return self._agent.upgrade(target, headers, marks)

    def tunnel(self, idle: float, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Connect, and pass on bytes in both directions; see `ITransparentClient`."""
        return self._agent.tunnel(idle, marks)

    def prepare(self) -> Deferred[None]:
        """Ensure that a connection is available for the next request; see `ITransparentClient`."""
        return self._agent.prepare()

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is the other end of a live connection to the upstream."""
        return self._agent.is_own(peer, host)
