"""The text of a response as it arrives, for display."""

from ccsproxy.dialects.framing import ArrayFraming, Framing, LineFraming, SseFraming
from ccsproxy.dialects.views.deltas import delta_text
from ccsproxy.wire.jsontext import JsonError, loads

_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})


class StreamWords:
    """Extracts the text from a stream; a body that is not a stream has none until it is complete.

    :param media_type: of the response, in lower case.
    """

    def __init__(self, media_type: str) -> None:
        self._framing: Framing | None = None
        self._may_be_array = media_type == "application/json"
        if media_type == "text/event-stream":
            self._framing = SseFraming()
        elif media_type in _LINES:
            self._framing = LineFraming()

    def feed(self, data: bytes) -> str:
        """Process the next bytes, and return the text that they complete."""
        if self._may_be_array:
            # Gemini streams an array unless asked for events; any other object is complete only at its end.
            self._framing = ArrayFraming() if data.lstrip()[:1] == b"[" else None
            self._may_be_array = not data.strip()
        if self._framing is None:
            return ""
        return "".join(_words(text) for _, text in self._framing.feed(data))


def _words(text: bytes) -> str:
    try:
        return delta_text(loads(text))
    except JsonError:
        return ""
