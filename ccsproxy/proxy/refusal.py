"""Refusals, and the responses that we make ourselves: JSON with one sentence."""

from http import HTTPStatus

import msgspec

from ccsproxy.exchange.fieldlines import RawHeaders, joined


class Refusal(Exception):
    """A request that is not relayed.

    :ivar status: the status sent to the client.
    :ivar kind: the error's kind, in the response and in the record.
    :ivar message: one sentence for people; it quotes nothing of the request.
    :ivar body: the JSON body, if it is not in our own format.
    """

    body: bytes | None = None

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def malformed(message: str) -> Refusal:
    """Return the refusal of a request that is not unambiguously HTTP/1.1."""
    return Refusal(400, "bad_request", message)


#: Fields that RFC 9110 requires with a status (sections 15.5.6 and 15.5.22).
_BESIDE: dict[int, RawHeaders] = {
    401: [(b"WWW-Authenticate", b'Bearer realm="ccsproxy"')],
    405: [(b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")],
    407: [(b"Proxy-Authenticate", b'Basic realm="ccsproxy"')],
    426: [(b"Upgrade", b"HTTP/1.1")],
    503: [(b"Retry-After", b"1")],
}


class LocalResponse:
    """A response of our own, as the client and the record get it.

    :ivar lines: its header lines.
    """

    __slots__ = ("body", "lines", "reason", "status")

    def __init__(self, status: int, kind: str, message: str, *, close: bool, body: bytes | None = None) -> None:
        self.status = status
        self.reason = HTTPStatus(status).phrase.encode()
        self.body = body or msgspec.json.encode({"error": {"type": kind, "message": message}})
        headers: RawHeaders = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(self.body)),
            *_BESIDE.get(status, ()),
        ]
        if close:
            headers.append((b"Connection", b"close"))
        self.lines = joined(headers)

    def head(self) -> bytes:
        """Return the response head as bytes."""
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (self.status, self.reason, self.lines)
