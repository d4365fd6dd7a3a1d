"""The four ways in which a stream of JSON events can be framed, and which of them a body uses."""

from collections.abc import Callable
from typing import Protocol

from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.protocol import WireFormat
from ccsproxy.wire.jsonarray import JsonArrayDecoder
from ccsproxy.wire.ndjson import NdjsonDecoder
from ccsproxy.wire.sse import SseDecoder, named

#: The kind that `choose` returns for a body that is not a stream.
PLAIN = "plain"
_EVENTSTREAM = "application/vnd.amazon.eventstream"
_LINES = frozenset(
    {
        *("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl"),
        "application/stream+json",
    }
)
_SAYS_NOTHING = frozenset({"", "text/plain", "application/octet-stream"})
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

#: The name of an event, empty if the framing has none, and its JSON text.
Framed = tuple[str, bytes]


class Framing(Protocol):
    """Finds the events in the bytes of a stream, in time linear in the bytes."""

    def feed(self, data: bytes) -> list[Framed]:
        """Take the next bytes, return the events that they complete."""

    def finish(self) -> list[Framed]:
        """Take the end of the bytes, return the events that only it completes."""

    def rest(self) -> tuple[str, bytearray] | None:
        """Return the name line and the data of an unfinished event, empty if there is none.

        :return: None if some bytes belonged to no event, or the events are not the bytes themselves. The data belongs
        to the caller.
        """

    def overflow(self) -> None:
        """Stop keeping what follows."""


class SseFraming:
    """Server-sent events.

    Google's servers may write a bare JSON error into a stream, which is not an event. The bytes since the last event
    are therefore kept, up to a limit, and examined at the end.
    """

    _LIMIT = 65536

    def __init__(self) -> None:
        self.recovered = self._ordinary = False
        self._decoder = SseDecoder()
        self._tail: list[bytes] = []
        self._kept = 0
        self._inside = False  # the tail begins within an event

    def feed(self, data: bytes) -> list[Framed]:
        """Take the next bytes, return the events that they complete."""
        events = self._decoder.feed_named(data)
        # A bare error can only follow the last event, not precede one.
        if events:
            self._tail.clear()
            self._kept = 0
            self._inside = True
        if self._kept < self._LIMIT:
            self._tail.append(data[-self._LIMIT :])
            self._kept += len(data)
        return events

    def finish(self) -> list[Framed]:
        """Take the end of the bytes, return an event without its blank line."""
        events = self._decoder.finish()
        self.recovered = bool(events)
        # Evaluated before `rest` clears it: every byte belonged to an event's name or single data line.
        self._ordinary = self._decoder.ordinary and not self._decoder.has_rest
        return [named(event) for event in events]

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway."""
        self._decoder.borrow(kept)

    def rest(self) -> tuple[str, bytearray] | None:
        """Return the name line and the data of an unfinished event, empty if there is none."""
        if not self._decoder.ordinary:
            return None
        return ("", bytearray()) if self.recovered else _begun(self._decoder.take_rest())

    def overflow(self) -> None:
        """Do nothing: only the unfinished event is kept anyway."""

    def bare_tail(self) -> bytes:
        """Return what came after the last event if it looks like a bare JSON value; call it after `finish`."""
        if self._ordinary:
            return b""
        text = b"".join(self._tail).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        blocks = text.split(b"\n\n")[self._inside :]
        rest = next((block.strip() for block in reversed(blocks) if block.strip()), b"")
        return rest if rest[:1] in (b"{", b"[") else b""


def _begun(rest: bytearray) -> tuple[str, bytearray] | None:
    """Split an unfinished event into name line and data; the data is what is left of the argument."""
    name, start = bytearray(), 0
    if rest.startswith(b"event:"):
        start = rest.find(b"\n") + 1
        name = rest[: start - 1] if start else rest[:]
        start = start or len(rest)
    if rest.find(b"\n", start) >= 0:
        return None
    if rest.startswith(b"data:", start):
        start += 6 if rest[start + 5 : start + 6] == b" " else 5
    del rest[:start]
    return name.decode("utf-8", "replace"), rest


class LineFraming:
    """One JSON text a line."""

    def __init__(self) -> None:
        self._decoder = NdjsonDecoder()

    def feed(self, data: bytes) -> list[Framed]:
        """Take the next bytes, return the lines that they complete."""
        return [("", line) for line in self._decoder.feed(data)]

    def finish(self) -> list[Framed]:
        """Process the end of the bytes; return a last line without line end, unless it was cut off."""
        return [("", line) for line in self._decoder.finish()]

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway."""
        self._decoder.borrow(kept)

    def rest(self) -> tuple[str, bytearray]:
        """Return the unfinished line."""
        return "", self._decoder.take_rest()

    def overflow(self) -> None:
        """Do nothing: only the unfinished line is kept anyway."""


class ArrayFraming:
    """The elements of one JSON array."""

    def __init__(self) -> None:
        self._decoder = JsonArrayDecoder()

    def feed(self, data: bytes) -> list[Framed]:
        """Take the next bytes, return the elements that they complete."""
        return [("", element) for element in self._decoder.feed(data)]

    def finish(self) -> list[Framed]:
        """Process the end of the bytes; an unfinished element is not an event."""
        return []

    def rest(self) -> None:
        """Return None: the elements are not all of the bytes, as commas and brackets separate them."""

    def overflow(self) -> None:
        """Do nothing: only the unfinished element is kept anyway."""

    @property
    def complete(self) -> bool:
        """Whether the array was closed."""
        return self._decoder.complete


def choose(head: bytes, facts: Facts, wire_format: WireFormat) -> str | None:
    """Determine how a body is framed.

    :param head: its first bytes.
    :return: a kind of stream, `PLAIN`, or None while more bytes are needed.
    """
    media_type = facts.content_type
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not start:
        return None
    if media_type == _EVENTSTREAM:
        return PLAIN if start[:1] == b"{" else "eventstream"
    if start[:1] == b"[":
        return "json_array" if wire_format.array_stream else PLAIN
    # A service that was asked for a stream may answer with one JSON error, whatever its content type.
    if start[:1] == b"{":
        return "ndjson" if _has_lines(media_type, facts, wire_format) else PLAIN
    if start[:1] == b"<":
        return PLAIN  # an HTML page of a gateway, whatever its content type
    if media_type == "text/event-stream" or start.startswith(_FIELDS):
        return "sse" if media_type in _MAY_BE_SSE or wire_format.name != "generic" else PLAIN
    # The first read may end within "data:": one more byte decides.
    could_be = media_type != "text/event-stream" and any(field.startswith(start) for field in _FIELDS)
    return None if could_be else PLAIN


_MAY_BE_SSE = frozenset({"", "text/event-stream"})


def _has_lines(media_type: str, facts: Facts, wire_format: WireFormat) -> bool:
    if not wire_format.line_stream:
        return False
    unasked = facts.request_member("stream") is True or (
        wire_format.streams_unasked and facts.request_member("stream") is None
    )
    return media_type in _LINES or (media_type in _SAYS_NOTHING and unasked)
