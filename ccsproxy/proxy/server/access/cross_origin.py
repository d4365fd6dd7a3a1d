"""CORS for the one web origin that may call (``--cors-allow``): its preflights are answered, its responses readable.

This is the only place where the proxy adds something to a response that the upstream has not sent, and only for pages
of the origin that the user has named: without these fields a browser withholds the response from the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from ccsproxy.proxy.interfaces import IRelayResponse, ITransparentClient, UpstreamTimings
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.wire.headers import Finder

#: Seconds for which a browser may cache a preflight.
_REMEMBERED = 600
_find_answer = Finder([b"access-control-allow-origin"])
_find_question = Finder(
    [
        b"access-control-request-method",
        b"access-control-request-headers",
        b"access-control-request-private-network",
    ]
)


def readable(lines: bytes, origin: bytes) -> bytes:
    """Let pages of an origin read a response, unless the upstream has sent its own decision.

    :param lines: the response's header lines.
    """
    if _find_answer(lines):
        return lines
    return lines + b"Access-Control-Allow-Origin: %b\r\nAccess-Control-Expose-Headers: *\r\nVary: Origin\r\n" % origin


def is_preflight(head: ParsedRequestHead) -> bool:
    """Tell whether a request is a CORS preflight from the allowed origin."""
    if head.allowed_origin is None or head.method != b"OPTIONS":
        return False
    return any(name == b"access-control-request-method" for name, *_ in _find_question(head.lines))


def permission(head: ParsedRequestHead) -> bytes:
    """Return the header lines that allow what a preflight asks for."""
    asked = {name: value for name, value, _, _ in _find_question(head.lines)}
    lines = b"Access-Control-Allow-Origin: %b\r\nVary: Origin\r\n" % (head.allowed_origin or b"null")
    method = asked.get(b"access-control-request-method", b"").upper()
    lines += b"Access-Control-Allow-Methods: %b\r\nAccess-Control-Max-Age: %d\r\n" % (method, _REMEMBERED)
    if headers := asked.get(b"access-control-request-headers"):
        lines += b"Access-Control-Allow-Headers: %b\r\n" % headers
    if asked.get(b"access-control-request-private-network") == b"true":
        lines += b"Access-Control-Allow-Private-Network: true\r\n"
    return lines


@implementer(ITransparentClient)
class PreflightClient:
    """Answers preflights in place of an upstream, most of which do not implement CORS.

    :param respond: makes a response of status, reason phrase and header lines.
    """

    def __init__(self, head: ParsedRequestHead, respond: Callable[[int, bytes, bytes], Any]) -> None:
        self._lines, self._respond = permission(head), respond

    def send(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        data: IBodyProducer | None,
        marks: UpstreamTimings | None = None,
    ) -> Deferred[IRelayResponse]:
        """Answer the preflight at once."""
        return succeed(self._respond(204, b"No Content", self._lines))

    def upgrade(self, target: bytes, headers: bytes, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Fail: a preflight is not a handshake, so nothing calls this."""
        raise AssertionError("a preflight is not a handshake")

    def tunnel(self, idle: float, marks: UpstreamTimings) -> Deferred[IRelayResponse]:
        """Fail: a preflight is not a tunnel, so nothing calls this."""
        raise AssertionError("a preflight is not a tunnel")

    def prepare(self) -> Deferred[None]:
        """Do nothing: no upstream connection is needed."""
        return succeed(None)

    def is_own(self, peer: Any, host: Any) -> bool:
        """Return false: there are no upstream connections."""
        return False
