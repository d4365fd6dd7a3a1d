"""The request of an exchange being assembled: its head, its body, and when the body is complete."""

import base64
from typing import Any

import msgspec

from ccsproxy.capture.recorder.bodies import CapturedBody, MemoryBudget
from ccsproxy.capture.recorder.headers import HeaderLines, text_of
from ccsproxy.exchange.record import Request
from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.redaction.items import LISTS
from ccsproxy.wire import json_items, jsontext

#: How much of a binary body is kept, in bytes.
BINARY_LIMIT = 256 << 10
#: The sizes of bodies whose conversation is decoded only as far as needed.
LONG = 32 << 10


class Content(msgspec.Struct, frozen=True):
    """The kept content of a body: JSON or text in ``value``, or other bytes in ``binary``."""

    value: Any = None
    binary: str | msgspec.UnsetType = msgspec.UNSET
    is_json: bool = False


def read_content(data: bytes | bytearray, readable: bool) -> Content:
    """Read a body's content as JSON, else as text, else keep its bytes up to `BINARY_LIMIT`.

    :param readable: its content coding is known.
    """
    if not data:
        return Content()
    if readable:
        try:
            # In shorter ones there is little to be saved.
            return Content(json_items.loads(data, LISTS) if len(data) >= LONG else jsontext.loads(data), is_json=True)
        except jsontext.JsonError:
            pass
        try:
            return Content(data.decode("utf-8"))
        except UnicodeDecodeError:
            pass
    return Content(binary=base64.b64encode(data[:BINARY_LIMIT]).decode("ascii"))


class RequestInMaking:
    """Collects a request.

    :ivar head: as announced by the relay.
    :ivar lines: its header lines.
    :ivar body: as far as it arrived.
    """

    def __init__(self, head: RequestHead, limit: int, budget: MemoryBudget) -> None:
        """Start with the head.

        :param limit: how many bytes of the body are kept.
        """
        self.head = head
        self.lines = HeaderLines(head.lines)
        self.body = CapturedBody(self.lines, limit, budget)
        length = self.lines.field("content-length")
        self._expected = int(length) if length.isascii() and length.isdigit() else None
        self._chunked = bool(self.lines.field("transfer-encoding"))
        self._content: Content | None = None

    @property
    def bodiless(self) -> bool:
        """Whether no body follows the head."""
        return not self._expected and not self._chunked

    @property
    def whole(self) -> bool:
        """Whether the body is known to be all there, by the length that was announced."""
        return self._expected is not None and self.body.size >= self._expected

    def content(self) -> Content:
        """Decode the body; called when it is complete."""
        if self._content is None:
            self.body.finish()
            self._content = read_content(self.body.content(), self.body.readable)
            self.body.forget()
        return self._content

    @property
    def json(self) -> Any:
        """The body as a JSON value; None if it is not JSON."""
        content = self.content()
        return content.value if content.is_json else None

    @property
    def asks(self) -> bool:
        """Return whether the body has content, as far as known: JSON that is not empty, or a form with files."""
        if self.body.gap or self.body.dropped or "multipart/" in self.lines.field("content-type"):
            return True
        return bool(self.json)

    def peek(self) -> Any:
        """Return the body as a JSON value if it is complete, whatever its announced length; None otherwise."""
        if self._content is not None or self.whole:
            return self.json
        try:
            return jsontext.loads(self.body.content()) if self.body.size else None
        except jsontext.JsonError:
            return None

    def record(self, keep_body: bool) -> Request:
        """Return the request as records hold it, not redacted yet and without header lines."""
        content = self.content() if keep_body else Content()
        return Request(
            method=text_of(self.head.method),
            path=text_of(self.head.target),
            headers={},
            headers_raw=[],
            http_version=self.head.version,
            body=content.value,
            body_base64=content.binary,
            body_bytes=self.body.size,
            body_sha256=self.body.sha256,
            content_encoding=self.body.coding or None,
        )
