"""Server-sent events, decoded incrementally (WHATWG HTML, section 9.2.6 "Interpreting an event stream").

The cost is linear in the bytes, however they are split: line ends are normalised per read, and the search for the
blank line continues where it stopped. Lines are split as bytes, which is safe in UTF-8, and decoded afterwards.
"""

from collections.abc import Callable

import msgspec

from ccsproxy.wire.jsontext import JsonError, loads
from ccsproxy.wire.ndjson import PendingBytes

_BOM = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event.

    :ivar name: the event's type, ``message`` if the stream does not name one.
    :ivar data: its data lines joined by LF, as bytes (nearly always UTF-8).
    :ivar id: the last event id at that point, empty if there is none.
    :ivar recovered: the stream ended before the blank line that the standard requires.
    """

    name: str
    data: bytes
    id: str = ""
    recovered: bool = False

    @property
    def text(self) -> str:
        """The data as text, invalid UTF-8 replaced by U+FFFD."""
        return self.data.decode("utf-8", "replace")


class SseDecoder:
    """Decodes the bytes of one event stream into events.

    :ivar comments: how many comment lines were seen (keep-alives).
    :ivar retry: the last reconnection time, in milliseconds, or None.
    :ivar last_event_id: the id that a client would send to resume.
    :ivar ordinary: so far all events had a single line of data, optionally preceded by one with their name, and LF
    line ends; what follows the last event is not considered.
    """

    def __init__(self, strict: bool = False) -> None:
        """Start decoding a stream.

        :param strict: discard a last event without a blank line, as the standard requires of browsers.
        """
        self.comments = 0
        self.retry: int | None = None
        self.last_event_id = ""
        self.ordinary = True
        self._strict = strict
        self._id = ""
        self._pending = PendingBytes()
        self._ended = bytearray()
        self._after_cr = False
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes.

        :return: the events that they complete, in order.
        """
        chunk = self._complete_events(data)
        return [] if chunk is None else self._dispatch(chunk)

    def feed_named(self, data: bytes) -> list[tuple[str, bytes]]:
        """Take the next bytes.

        :return: the events that they complete, in order, as name (empty if the stream does not name one) and data.
        """
        chunk = self._complete_events(data)
        if chunk is None:
            return []
        ordinary = _ordinary(chunk)
        if ordinary is None:
            return [named(event) for event in self._dispatch(chunk)]
        self.last_event_id = self._id
        return ordinary

    def _complete_events(self, data: bytes) -> bytes | None:
        """Return the events completed by the next bytes as one block, without the blank line after the last one."""
        if not self._started:
            data = self._start(data)
        # Hardly any server sends CR: checking for it is one call, while normalising copies every byte.
        if self._after_cr or b"\r" in data:
            data = self._normalised(data)
        if self._pending.tail:
            return self._continue(data)
        end = data.rfind(b"\n\n")
        if end < 0:
            self._pending.add(data)
            return None
        self._pending.add(data[end + 2 :])
        return data[:end]

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway; see `PendingBytes.borrow`."""
        self._pending.borrow(kept)

    @property
    def has_rest(self) -> bool:
        """Whether there are bytes after the last complete event."""
        return bool(self._ended or self._pending.tail)

    def take_rest(self) -> bytearray:
        """Return the bytes after the last complete event; after the end they are no longer kept here."""
        if self._pending.tail:
            return self._pending.whole()
        rest, self._ended = self._ended, bytearray()
        return rest

    def finish(self) -> list[Event]:
        """Take the end of the stream.

        Many relays omit the last blank line: an unfinished event whose data is complete (JSON, or ``[DONE]``) is
        returned and flagged, unless the decoder is strict.
        """
        rest = self._pending.whole()
        self._ended = self._ended or rest
        self._pending.clear()
        if self._strict or not _may_be_complete(rest):
            return []
        ordinary = self.ordinary
        events = [event for event in self._dispatch(bytes(rest)) if _is_complete(event.data)]
        if not events:
            self.ordinary = ordinary  # where an event was cut off says nothing of those before it
        return [Event(event.name, event.data, event.id, True) for event in events]

    def _start(self, data: bytes) -> bytes:
        data = bytes(self._pending.tail) + data
        self._pending.clear()
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._pending.add(data)
            return b""
        self._started = True
        self.ordinary = not data.startswith(_BOM)
        return data.removeprefix(_BOM)

    def _normalised(self, data: bytes) -> bytes:
        """Convert every line end to LF; a CR at the end counts at once, and an LF that follows it later is
        dropped.
        """
        self.ordinary = False
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _continue(self, data: bytes) -> bytes | None:
        # One byte back: the blank line may be split in its middle.
        before = self._pending.tail[-1:]
        end = (before + data).rfind(b"\n\n")
        if end < 0:
            self._pending.add(data)
            return None
        at = len(self._pending.tail) - 1 + end
        self._pending.tail += data
        return self._pending.take(at, 2)

    def _dispatch(self, chunk: bytes) -> list[Event]:
        """Parse complete events; the two common forms are recognised without examining each line."""
        events = []
        for block in chunk.split(b"\n\n"):
            if block[:7] == b"event: ":
                head, _, rest = block.partition(b"\n")
                if rest[:6] == b"data: " and b"\n" not in rest:
                    events.append(Event(head[7:].decode("utf-8", "replace") or "message", rest[6:], self._id))
                    self.last_event_id = self._id
                    continue
            elif block[:6] == b"data: " and b"\n" not in block:
                events.append(Event("message", block[6:], self._id))
                self.last_event_id = self._id
                continue
            event = self._read_lines(block)
            if event is not None:
                events.append(event)
        return events

    def _read_lines(self, block: bytes) -> Event | None:
        self.ordinary = False
        name = b""
        data: list[bytes] = []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value
            elif field == b"error" and value.startswith(b"{"):
                name = field  # llama.cpp reports failures like this, which is not in the standard
                data.append(value)
            elif field == b"id":
                if b"\0" not in value:
                    self._id = value.decode("utf-8", "replace")
            elif field == b"retry":
                self._set_retry(value)
            elif line and not field:
                self.comments += 1
        self.last_event_id = self._id
        if not data:
            return None
        return Event(name.decode("utf-8", "replace") or "message", b"\n".join(data), self._id)

    def _set_retry(self, value: bytes) -> None:
        if value.isdigit() and len(value) < 19:
            self.retry = int(value)


def named(event: Event) -> tuple[str, bytes]:
    """Return an event's name, empty if the stream does not name one, and its data."""
    return "" if event.name == "message" else event.name, event.data


def _ordinary(chunk: bytes) -> list[tuple[str, bytes]] | None:
    """Parse events that consist of a name and one line of data each; None if one of them does not."""
    lines = chunk.split(b"\n")
    names, data = lines[::3], lines[1::3]
    if len(names) != len(data) or any(lines[2::3]) or len(lines) % 3 != 2:
        return None
    read = {name: name[7:].decode("utf-8", "replace") for name in set(names) if name[:7] == b"event: "}
    texts = [line[6:] for line in data if line[:6] == b"data: "]
    if len(texts) != len(data) or len(read) != len(set(names)):
        return None
    if "message" in read.values():
        read = {name: "" if value == "message" else value for name, value in read.items()}
    return [(read[name], text) for name, text in zip(names, texts, strict=True)]


def _may_be_complete(rest: bytearray) -> bool:
    """Tell quickly whether an unfinished event may hold complete JSON: parsing megabytes of it in vain is
    expensive.
    """
    start = rest.rfind(b"data:", 0, 4096)
    opening = bytes(rest[start + 5 : start + 7].strip()[:1]) if start >= 0 else b""
    end = rest[-4096:].rstrip()[-1:] or rest.rstrip()[-1:]
    return bool(rest) and (opening not in _CLOSING or end == _CLOSING[opening])


_CLOSING = {b"{": b"}", b"[": b"]"}


def _is_complete(data: bytes) -> bool:
    if data.strip() == b"[DONE]":
        return True
    try:
        loads(data)
    except JsonError:
        return False
    return True
