"""Writes an answer to a request: the head with the fields that every answer has, then the body."""

from http import HTTPStatus
from typing import Any

from twisted.logger import Logger

from ccsproxy.api.answer import ApiResponse, Refused, error_answer
from ccsproxy.api.body_producer import CHUNK, BodyProducer
from ccsproxy.api.reading import Reading

log = Logger()

#: Security headers of every response: nothing may be executed from elsewhere, cached, or embedded by other sites.
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def secure(request: Any) -> None:
    """Set the fields that every response has; the server does not reveal its software."""
    request.responseHeaders.removeHeader(b"server")
    for name, value in SECURITY.items():
        request.setHeader(name.encode(), value.encode())


async def deliver(request: Any, answer: ApiResponse, reading: Reading) -> None:
    """Write a response and finish the request."""
    request.setResponseCode(answer.status)
    if answer.status != HTTPStatus.NO_CONTENT:
        request.setHeader(b"content-type", answer.media_type.encode())
    for name, value in answer.headers.items():
        request.setHeader(name.encode(), value.encode())
    length = len(answer.body) if isinstance(answer.body, bytes) else answer.length
    # A response with this status has no length (RFC 9110, section 8.6).
    if length is not None and answer.status != HTTPStatus.NO_CONTENT:
        request.setHeader(b"content-length", b"%d" % length)
    if request.method == b"HEAD":
        request.finish()
    # Small ones need no producer: they fit into a transport's buffer.
    elif isinstance(answer.body, bytes) and len(answer.body) <= CHUNK:
        request.write(answer.body)
        request.finish()
    else:
        await _produce(request, answer, reading)


async def refuse(request: Any, refused: Refused, reading: Reading) -> None:
    """Write an error response."""
    await deliver(request, error_answer(refused), reading)


def cut(request: Any) -> None:
    """Abort the connection, so that what was sent cannot be taken for complete."""
    channel = request.channel
    if channel is not None and channel.transport is not None:
        channel.transport.abortConnection()


async def _produce(request: Any, answer: ApiResponse, reading: Reading) -> None:
    pieces = iter((answer.body,)) if isinstance(answer.body, bytes) else answer.body
    try:
        stayed = await BodyProducer(request, pieces, reading, request.site.reactor).run()
    except Exception:
        log.failure("a response failed while it was being written")
        cut(request)
        return
    if stayed:
        request.finish()
