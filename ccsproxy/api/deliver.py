"""Writes an answer to a request: the head with the fields that every answer has, then the body."""

from http import HTTPStatus
from typing import Any

from twisted.logger import Logger

from ccsproxy.api.answer import ApiResponse, Refused, error_answer
from ccsproxy.api.body_producer import CHUNK, BodyProducer
from ccsproxy.api.reading import Reading

log = Logger()

#: What every answer carries (promises P41 and P42): content is content, nobody keeps it, nobody else embeds it.
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
    """Set what every answer carries; the server does not say what it is made with."""
    request.responseHeaders.removeHeader(b"server")
    for name, value in SECURITY.items():
        request.setHeader(name.encode(), value.encode())


async def deliver(request: Any, answer: ApiResponse, reading: Reading) -> None:
    """Write an answer and finish the request."""
    request.setResponseCode(answer.status)
    if answer.status != HTTPStatus.NO_CONTENT:
        request.setHeader(b"content-type", answer.media_type.encode())
    for name, value in answer.headers.items():
        request.setHeader(name.encode(), value.encode())
    length = len(answer.body) if isinstance(answer.body, bytes) else answer.length
    # An answer of that status has no length (RFC 9110, section 8.6).
    if length is not None and answer.status != HTTPStatus.NO_CONTENT:
        request.setHeader(b"content-length", b"%d" % length)
    if request.method == b"HEAD":
        request.finish()
    # Small ones need no producer: a transport takes so much without being full.
    elif isinstance(answer.body, bytes) and len(answer.body) <= CHUNK:
        request.write(answer.body)
        request.finish()
    else:
        await _produce(request, answer, reading)


async def refuse(request: Any, refused: Refused, reading: Reading) -> None:
    """Answer with an error."""
    await deliver(request, error_answer(refused), reading)


def cut(request: Any) -> None:
    """Break the connection off, so that what was sent cannot be taken for the whole."""
    channel = request.channel
    if channel is not None and channel.transport is not None:
        channel.transport.abortConnection()


async def _produce(request: Any, answer: ApiResponse, reading: Reading) -> None:
    pieces = iter((answer.body,)) if isinstance(answer.body, bytes) else answer.body
    try:
        stayed = await BodyProducer(request, pieces, reading, request.site.reactor).run()
    except Exception:
        log.failure("an answer broke off while it was written")
        cut(request)
        return
    if stayed:
        request.finish()
