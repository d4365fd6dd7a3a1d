"""Sends a recorded request again, with treq over the relay's own connections, and decodes the streamed response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attr
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.detect import detect
from ccsproxy.dialects.facts import Facts
from ccsproxy.exports.replay.comparison import ReplaySide
from ccsproxy.exports.replay.request import ReplayRequest
from ccsproxy.exports.replay.words import StreamWords
from ccsproxy.proxy.errors import RelayError

#: The cost of a call: from the responding model and the usage.
Price = Callable[[str | None, Any], Any]


@attr.frozen
class ReplaySender:
    """Sends requests to one upstream.

    :ivar client: treq's client of the upstream; paths are below its base.
    :ivar reactor: the clock.
    :ivar provider: the provider, as dialects know it; empty if unknown.
    :ivar price: computes the cost of a call.
    :ivar heard: called with each piece of the response's text as it arrives.
    """

    client: HTTPClient
    reactor: IReactorTime
    provider: str
    price: Price
    heard: Callable[[str], object]

    async def send(self, request: ReplayRequest, login: tuple[tuple[str, str], ...], title: str) -> ReplaySide:
        """Send a request, and return its result; a failure to reach the upstream is a result, too.

        :param login: the header fields with the credential.
        :param title: the name of the call in the comparison.
        """
        facts = Facts(
            provider=self.provider,
            method=request.method.encode(),
            target=request.target.encode(),
            request_body=request.value,
        )
        dialect, began = detect(facts), self.reactor.seconds()
        try:
            response = await self.client.request(
                request.method,
                request.target,
                headers=_headers((*request.headers, *login)),
                data=request.body or None,
                # Credentials must not follow a redirect without their owner's consent.
                allow_redirects=False,
                unbuffered=True,
            )
        except RelayError as error:
            return self._failed(title, dialect.name, dialect.model, error, began)
        media_type = _media_type(response.headers)
        answered = Facts(
            provider=facts.provider, method=facts.method, target=facts.target, request_body=facts.request_body,
            status=response.code, content_type=media_type, field=_field_of(response.headers),
        )  # fmt: skip
        reader, words = dialect.reader(answered), StreamWords(media_type)

        def take(data: bytes) -> None:
            reader.feed(data, (self.reactor.seconds() - began) * 1000)
            if new_text := words.feed(data):
                self.heard(new_text)

        whole = await _read(response, take)
        answer = reader.finish(whole)
        return self._side(title, response.code, answer, whole, (dialect.model, began))

    def _side(
        self, title: str, status: int, answer: DecodedResponse, whole: bool, requested: tuple[str | None, float]
    ) -> ReplaySide:
        model, began = requested
        cost = self.price(answer.response_model or model, answer.usage)
        error = answer.error or answer.missing
        return ReplaySide(
            title=title,
            dialect=answer.dialect,
            model=answer.response_model or model,
            outcome=_outcome(status, answer, whole),
            status=status,
            stop_reason=answer.stop_reason,
            usage=answer.usage,
            cost=cost.dollars,
            cost_at_least=cost.at_least,
            ttft_ms=answer.first_token_ms,
            duration_ms=(self.reactor.seconds() - began) * 1000,
            answer=answer.body,
            error=error.message if error is not None else "",
        )

    def _failed(self, title: str, dialect: str, model: str | None, error: RelayError, began: float) -> ReplaySide:
        return ReplaySide(
            title=title, dialect=dialect, model=model, outcome=str(error.outcome), status=None, stop_reason=None,
            usage=None, cost=None, cost_at_least=None, ttft_ms=None,
            duration_ms=(self.reactor.seconds() - began) * 1000, error=str(error),
        )  # fmt: skip


def _outcome(status: int, answer: DecodedResponse, whole: bool) -> str:
    """Return how a call ended, in the terms of records."""
    if status >= 400:
        return "http_error"
    if answer.error is not None:
        return "stream_error"
    return "complete" if whole and answer.complete else "upstream_truncated"


def _headers(pairs: tuple[tuple[str, str], ...]) -> Headers:
    headers = Headers()
    for name, value in pairs:
        headers.addRawHeader(name.encode(), value.encode("utf-8", "surrogateescape"))
    return headers


def _media_type(headers: Headers) -> str:
    return _field_of(headers)("content-type").partition(";")[0].strip().lower()


def _field_of(headers: Headers) -> Callable[[str], str]:
    def field(name: str) -> str:
        return b", ".join(headers.getRawHeaders(name.encode(), [])).decode("utf-8", "replace")

    return field


class _Reading(Protocol):
    """Passes a body on as it arrives."""

    def __init__(self, take: Callable[[bytes], object], done: Deferred[bool]) -> None:
        self._take, self._done = take, done

    def dataReceived(self, data: bytes) -> None:
        """Pass a piece on."""
        self._take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report whether the body is complete."""
        self._done.callback(reason.check(ResponseDone) is not None)


def _read(response: Any, take: Callable[[bytes], object]) -> Deferred[bool]:
    """Read a body to its end; cancelling aborts the connection."""
    done: Deferred[bool] = Deferred(lambda _: reading.transport.abortConnection() if reading.transport else None)
    reading: Any = _Reading(take, done)
    response.deliverBody(reading)
    return done
