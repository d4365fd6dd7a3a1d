"""One CONNECT to a host whose TLS is intercepted: the upstream is connected and verified before the client gets
200.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.errors import RelayError, TLSHandshakeFailed
from ccsproxy.proxy.forward.client_tls import RefusingTLS, client_tls
from ccsproxy.proxy.forward.leaves import LeafContexts
from ccsproxy.proxy.interfaces import ITransparentClient, Seconds
from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.request import RelayRequest

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

log = Logger()


class InterceptedConnect:
    """The exchange of one intercepted CONNECT; see `ccsproxy.proxy.server.request.RelayedExchange`.

    It leaves no record of its own if it succeeds: the requests made through the connection do. A failure leaves one.

    :param head: its description for capture.
    """

    def __init__(
        self, request: RelayRequest, head: RequestHead, capture: GuardedCapture, clock: Seconds, reactor: Any
    ) -> None:
        self._request: RelayRequest | None = request
        self._head = head
        self._capture = capture
        self._clock = clock
        self._reactor = reactor
        self._began = request.began
        self._waiting: Deferred[Any] | None = None
        request.exchange = self

    def start(self, client: ITransparentClient, leaves: LeafContexts, host: str, inner: Callable[[], Any]) -> None:
        """Connect to the upstream, then start TLS with the client.

        :param inner: makes the HTTP protocol towards the client.
        """
        self._waiting = ensureDeferred(self._prepare(client, leaves, host))
        self._waiting.addCallbacks(self._ready, self._failed, callbackArgs=(inner,))

    async def _prepare(self, client: ITransparentClient, leaves: LeafContexts, host: str) -> Any:
        # The upstream first: once a client has got 200, a failure can only be reported by an alert within its TLS.
        await client.prepare()
        return await leaves.context_for(host)

    def _ready(self, context: Any, inner: Callable[[], Any]) -> None:
        self._waiting = None
        if self._request is not None:
            self._hand_over(client_tls(context, inner(), self._reactor, self._client_refused))

    def _hand_over(self, protocol: Any) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.exchange = None
            # Clients may send their ClientHello together with the CONNECT, before they have the response.
            ahead = request.hand_over(ESTABLISHED, protocol)
            if ahead:
                protocol.dataReceived(ahead)

    def _failed(self, reason: Failure) -> None:
        self._waiting = None
        if self._request is None or reason.check(CancelledError):
            return
        error = reason.value
        if not isinstance(error, RelayError):
            log.failure("a connection could not be intercepted", reason)
            error = RelayError("The connection could not be intercepted; see the log.")
        verdict = error.outcome, error.kind, error.message
        # The client should see a TLS failure, as it would without the proxy: a 502 to a CONNECT would look like a
        # broken proxy.
        if isinstance(error, TLSHandshakeFailed):
            self._record(verdict, None)
            self._hand_over(RefusingTLS(self._reactor))
        else:
            self._answer(error.status, error.error_type, error.message, verdict)

    def _client_refused(self, sentence: str) -> None:
        self._record((Outcome.TLS_HANDSHAKE_FAILED, "client_tls_handshake_failed", sentence), None)

    def _answer(self, status: int, kind: str, message: str, verdict: tuple[Outcome, str, str]) -> None:
        request = self._request
        if request is None:
            return
        answer = LocalResponse(status, kind, message, close=True)
        request.keep_alive = False
        self._record(verdict, answer)
        request.answer(answer)

    def _record(self, verdict: tuple[Outcome, str, str], answer: LocalResponse | None) -> None:
        tap = self._capture.begin(self._head)
        if answer is not None:
            tap.response_head(ResponseHead(answer.status, answer.reason, "1.1", answer.lines))
            tap.response_body(answer.body)
        outcome, kind, message = verdict
        at = int((self._clock() - self._began) * 1e6)
        tap.end(Ending(str(outcome), kind, message, at, Timing(), response_whole=False))

    # -- called by the client side -------------------------------------------------------------------------------

    def client_gone(self, unsent: int) -> None:
        """Stop: the client has gone."""
        self._request = None
        if self._waiting is not None:
            self._waiting.cancel()

    def cut(self) -> None:
        """Stop, because the proxy stops."""
        verdict = Outcome.SHUTDOWN, "shutdown", "The proxy was stopped before the exchange had ended."
        self._answer(503, "shutdown", "The proxy is being stopped.", verdict)
        self._request = None
        if self._waiting is not None:
            self._waiting.cancel()

    def drain(self) -> None:
        """Keep going: it ends soon anyway."""

    def delivered(self) -> None:
        """The client has our response."""
        self._request = None

    def pause(self) -> None:
        """Do nothing: nothing is produced before the connection is handed over."""

    def resume(self) -> None:
        """Do nothing: see `pause`."""

    def body_received(self, data: bytes) -> None:
        """Do nothing: a CONNECT has no body."""

    def body_finished(self) -> None:
        """Do nothing: a CONNECT has no body."""

    def body_refused(self, refusal: Refusal) -> None:
        """Do nothing: a CONNECT has no body."""
