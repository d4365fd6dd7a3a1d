"""The JSON events inside an AWS event stream, and its exceptions."""

import base64
import binascii

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.json_body import text_member
from ccsproxy.wire.eventstream import EventStreamDecoder, EventStreamMessage
from ccsproxy.wire.jsontext import JsonError, dumps, loads

_CHUNK = "chunk"
#: The name of an exception or error frame in a line of `EventStreamFraming.text`.
_FAILURE = "exception"


class EventStreamFraming:
    """Bedrock's streams: invoke wraps another format's JSON in base64, Converse names its events in the headers."""

    def __init__(self) -> None:
        self._decoder = EventStreamDecoder()
        self._lines: list[str] = []
        self._failures: list[tuple[str, str]] = []
        self._odd = False
        self._full = False

    def rest(self) -> None:
        """Return None: the events are not the bytes themselves, which wrap them."""

    def overflow(self) -> None:
        """Stop keeping the text of what follows."""
        self._full = True

    def _note(self, line: str) -> None:
        if not self._full:
            self._lines.append(line)

    @property
    def text(self) -> str:
        """The events as text, one JSON object a line; those that the framing names are wrapped in their name."""
        return "".join(line + "\n" for line in self._lines)

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Take the next bytes, return the events that they complete."""
        return self._events(self._decoder.feed(data))

    def finish(self) -> list[tuple[str, bytes]]:
        """Take the end of the bytes."""
        return self._events(self._decoder.finish())

    def _events(self, messages: list[EventStreamMessage]) -> list[tuple[str, bytes]]:
        events = []
        for message in messages:
            if message.kind == "event":
                events.append(self._event(message))
            else:
                self._fail(message)
        return events

    def _event(self, message: EventStreamMessage) -> tuple[str, bytes]:
        if message.name in (_CHUNK, ""):
            payload = self._unwrap(message.payload)
            self._note(_one_line(payload))
            return "", payload
        self._note('{"%s":%s}' % (message.name, _one_line(message.payload)))  # noqa: UP031 (braces)
        return message.name, message.payload

    def _unwrap(self, payload: bytes) -> bytes:
        """Return the JSON inside a chunk; a chunk without JSON is returned unchanged."""
        try:
            inner = text_member(loads(payload), "bytes")
            return base64.b64decode(inner, validate=True) if inner else payload
        except (JsonError, binascii.Error, ValueError):
            self._odd = True
            return payload

    def _fail(self, message: EventStreamMessage) -> None:
        try:
            message_text = text_member(loads(message.payload), "message")
        except JsonError:
            message_text = None
        headers = message.headers
        text = message_text or str(headers.get(":error-message") or message.payload.decode("utf-8", "replace"))
        self._failures.append((message.name or _FAILURE, text))
        line = {_FAILURE: {"type": message.name, "message": text}}
        self._note(dumps(line).decode("utf-8", "replace"))

    def report(self, findings: Findings) -> None:
        """Give exceptions and damage to ``findings``."""
        for kind, text in self._failures:
            findings.fail(kind, text)
            findings.keep("_errors", {"type": kind, "message": text})
        for fault in self._decoder.faults:
            findings.fault(fault)
        if self._odd:
            findings.fault("invalid_chunk")


def _one_line(payload: bytes) -> str:
    """Return JSON text on one line; other text becomes a JSON string."""
    text = payload.decode("utf-8", "replace")
    try:
        loads(payload)
    except JsonError:
        return dumps(text).decode("utf-8", "replace")
    return text.replace("\n", " ").replace("\r", " ")
