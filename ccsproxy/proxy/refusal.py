"""What is refused, and the answers that we make ourselves: JSON with one sentence."""

from http import HTTPStatus

import msgspec

from ccsproxy.exchange.fieldlines import RawHeaders, joined


class Refusal(Exception):
    """A request that is not relayed.

    :ivar status: what the client is answered.
    :ivar kind: the error's kind, in the answer and in the record.
    :ivar message: one sentence for people; it quotes nothing of the request.
    :ivar body: the answer in JSON, where it is not our own form.
    """

    body: bytes | None = None

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def malformed(message: str) -> Refusal:
    """Return the refusal of a request that is not clearly HTTP/1.1."""
    return Refusal(400, "bad_request", message)


#: Fields that RFC 9110 asks for beside a status (sections 15.5.6 and 15.5.22).
_BESIDE: dict[int, RawHeaders] = {
    401: [(b"WWW-Authenticate", b'Bearer realm="ccsproxy"')],
    405: [(b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")],
    407: [(b"Proxy-Authenticate", b'Basic realm="ccsproxy"')],
    426: [(b"Upgrade", b"HTTP/1.1")],
    503: [(b"Retry-After", b"1")],
}


class LocalResponse:
    """An answer of our own, as the client and the record get it.

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
        """Return the head for the wire."""
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (self.status, self.reason, self.lines)
