"""One exchange in progress: sent to the upstream, passed to the client, copied to capture, ended exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import RequestHead, ResponseHead
from ccsproxy.proxy.capture_guard import GuardedCapture, GuardedTap
from ccsproxy.proxy.ending import CLIENT_GONE, SHUTDOWN, Verdict, ending_of, timing_of
from ccsproxy.proxy.errors import RelayError
from ccsproxy.proxy.framing import trailer_lines
from ccsproxy.proxy.interfaces import IRelayResponse, ITransparentClient, Seconds, UpstreamTimings
from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.tee import ResponseTee

if TYPE_CHECKING:
    from ccsproxy.proxy.server.request_body import RequestBody

log = Logger()


class Relay:
    """One exchange; the channel calls it about the client (see `ccsproxy.proxy.server.request.RelayedExchange`).

    :ivar hint: the probable cause, if the upstream answers 404.
    :ivar spent: seconds between reads and the writes that follow them, summed up.
    """

    __slots__ = (
        "_body",
        "_clock",
        "_marks",
        "_own_bytes",
        "_request",
        "_stalled_before",
        "_stalls",
        "_tap",
        "_tee",
        "_verdict",
        "_verdict_if_gone",
        "_waiting",
        "head_at",
        "hint",
        "spent",
    )

    def __init__(self, request: RelayRequest, clock: Seconds, stalls: Seconds = lambda: 0.0) -> None:
        """Take over a request.

        :param stalls: returns for how many seconds this process has not run since its start.
        """
        self._request: RelayRequest | None = request
        self._body: RequestBody | None = request.body
        self._clock = clock
        self._marks = UpstreamTimings()
        self._tap: GuardedTap | None = None
        self._tee: ResponseTee | None = None
        self._verdict: Verdict | None = None
        self._verdict_if_gone = CLIENT_GONE
        self._stalls, self._stalled_before = stalls, stalls()
        self._own_bytes = 0
        self._waiting: Deferred[IRelayResponse] | None = None
        self.head_at: float | None = None
        self.spent = 0.0
        self.hint = ""
        request.exchange = self

    def start(
        self,
        client: ITransparentClient,
        target: bytes,
        lines: bytes,
        capture: GuardedCapture,
        head: RequestHead,
    ) -> None:
        """Send the request to the upstream first, then report it to capture."""
        request = self._request
        assert request is not None  # noqa: S101 - a relay starts once, with its request
        try:
            waiting = self._send_request(client, request, target, lines)
        except Exception:
            waiting = fail()
        self.spent = self._clock() - request.entered
        tap = self._tap = capture.begin(head)
        request.head.close()
        if request.first_body:
            tap.request_body(request.first_body)
        self._waiting = waiting
        waiting.addCallbacks(self._response_received, self._failed)

    def _send_request(
        self, client: ITransparentClient, request: RelayRequest, target: bytes, lines: bytes
    ) -> Deferred[IRelayResponse]:
        return client.send(request.method, target, lines, self._body, self._marks)

    # -- called by the upstream side -----------------------------------------------------------------------------

    def _response_received(self, response: IRelayResponse) -> None:
        """Pass the response on through a `ResponseTee`."""
        request, tap = self._request, self._tap
        if self._waiting is None or request is None or tap is None:
            response.abortConnection()
            return
        self._waiting = None
        self.head_at = self._clock()
        tee = self._tee = ResponseTee(self, request, tap, response, self._clock)
        try:
            tee.start()
        except Exception:
            self._end_on_error(Failure())

    def switch(self, response: IRelayResponse) -> None:
        """Switch to raw mode: pass on what the client sends unchanged."""
        request, tap = self._request, self._tap
        if request is None or tap is None:
            return
        body, ahead = request.switch()
        self._body = body
        if ahead:
            tap.request_body(ahead)
        if response.upload is not None:
            response.upload(body)

    def _failed(self, reason: Failure) -> None:
        """Answer the client in place of an upstream that did not respond."""
        if self._waiting is None:
            return
        self._waiting = None
        error = reason.value
        if not isinstance(error, RelayError):
            log.failure("an exchange failed unexpectedly", reason)
            error = RelayError("The request could not be sent to the upstream.")
        try:
            self._answer(error.status, error.error_type, error.message, (error.outcome, error.kind, error.message))
        except Exception:
            self._end_on_error(Failure())

    def _end_on_error(self, reason: Failure) -> None:
        """End an exchange that a bug of ours has interrupted, visibly incomplete."""
        log.failure("an exchange was interrupted", reason)
        if self._verdict is None:
            self.break_off(
                (Outcome.UPSTREAM_ERROR, "internal_error", "The proxy had an internal error; see its log.")
            )
        elif (request := self._request) is not None:
            self._stop_upstream()
            request.abort()
            self._end(request.unsent)

    def finish(self) -> None:
        """End a response that is complete, as far as its framing tells."""
        request, tee = self._request, self._tee
        if request is None or tee is None:
            return
        status = tee.response.code
        if status >= 400:
            self._verdict = (Outcome.HTTP_ERROR, "upstream_http_error", self._http_error(status))
        else:
            self._verdict = (Outcome.COMPLETE, "", "")
        if self._tap is not None:
            self._tap.response_whole(*self._verdict)
        request.finish(trailer_lines(tee.response.trailers))

    def _http_error(self, status: int) -> str:
        sentence = f"The upstream answered {status}."
        if status != 404 or not self.hint:
            return sentence
        log.warn("{sentence} {hint}", sentence=sentence, hint=self.hint)
        return f"{sentence} {self.hint}"

    def break_off(self, verdict: Verdict) -> None:
        """End an incomplete response: the upstream side at once, the client side once it has everything written so
        far.
        """
        request = self._request
        if request is None or self._verdict is not None:
            return
        self._verdict = verdict
        self._stop_upstream()
        request.break_off()

    def _stop_upstream(self) -> None:
        waiting, self._waiting = self._waiting, None
        if self._tee is not None:
            self._tee.response.abortConnection()
        if waiting is not None:
            waiting.cancel()

    # -- called by the client side -------------------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """Pass on a piece of the request body, then copy it to capture."""
        if self._body is None or self._tap is None:
            return
        entered = self._clock()
        self._body.received(data)
        self.spent += self._clock() - entered
        if self._tap is not None:
            self._tap.request_body(data)

    def body_finished(self) -> None:
        """Tell the upstream side that the request body is complete."""
        if self._body is not None:
            self._body.finished()

    def body_refused(self, refusal: Refusal) -> None:
        """Abort the upstream request, and send an error unless a response has started."""
        if self._request is None:
            return
        outcome = Outcome.REQUEST_TOO_LARGE if refusal.status == 413 else Outcome.REFUSED
        self._end_early(refusal.status, refusal.kind, refusal.message, (outcome, refusal.kind, refusal.message))

    def drain(self) -> None:
        """Keep going: an HTTP exchange ends by itself."""

    def cut(self) -> None:
        """End now, because the proxy stops; an exchange that only waits for its client has its verdict already."""
        if self._verdict is not None:
            self._verdict_if_gone = SHUTDOWN
            return
        self._end_early(503, "shutdown", "The proxy is being stopped.", SHUTDOWN)

    def _end_early(self, status: int, kind: str, message: str, verdict: Verdict) -> None:
        request = self._request
        if request is None:
            return
        if request.answered:
            self.break_off(verdict)
            return
        request.keep_alive = False
        self._stop_upstream()
        self._answer(status, kind, message, verdict)

    def _answer(self, status: int, kind: str, message: str, verdict: Verdict) -> None:
        """Send a response of our own, and capture it as what the client got."""
        request, tap = self._request, self._tap
        if request is None or tap is None:
            return
        self._verdict = verdict
        whole = self._body is None or self._body.whole
        answer = LocalResponse(status, kind, message, close=not (whole and request.keep_alive))
        tap.response_head(ResponseHead(answer.status, answer.reason, "1.1", answer.lines))
        if not request.bodiless:
            tap.response_body(answer.body)
            self._own_bytes = len(answer.body)
        tap.response_whole(*verdict)
        if not whole:
            request.keep_alive = False
        request.answer(answer)

    def pause(self) -> None:
        """Pause the upstream: the client reads too slowly."""
        if self._tee is not None:
            self._tee.producer.pauseProducing()

    def resume(self) -> None:
        """Resume reading from the upstream."""
        if self._tee is not None:
            self._tee.producer.resumeProducing()

    def delivered(self) -> None:
        """The client's socket has accepted the whole response."""
        self._end(0)

    def client_gone(self, unsent: int) -> None:
        """Cancel the upstream request: its response is no longer wanted."""
        if self._verdict is None or self._verdict[0] in (Outcome.COMPLETE, Outcome.HTTP_ERROR):
            self._verdict = self._verdict_if_gone
        request = self._request
        if request is not None:
            self._stop_upstream()
            self._end(unsent)

    # -- ending --------------------------------------------------------------------------------------------------

    def _end(self, unsent: int) -> None:
        """Report the one ending to capture, and drop all references."""
        request, tap, verdict = self._request, self._tap, self._verdict
        self._request = self._tap = None
        if request is None or tap is None or verdict is None:
            return
        tee = self._tee
        stalled = self._stalls() - self._stalled_before
        timing = timing_of(self._marks, tee, self.head_at, self.spent + request.waited, request.began, stalled)
        ending = ending_of(request, verdict, timing, self._body, tee, self._own_bytes, unsent, self._clock())
        request.exchange = None
        self._body = self._tee = None
        if tee is not None:
            tee.detach()
        tap.end(ending)
