"""The words of an answer as they arrive, for display."""

from ccsproxy.dialects.framing import ArrayFraming, Framing, LineFraming, SseFraming
from ccsproxy.dialects.views.deltas import delta_text
from ccsproxy.wire.jsontext import JsonError, loads

_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson"})


class StreamWords:
    """Reads the words out of a stream; a body that is no stream has none until it is whole.

    :param media_type: of the answer, in lower case.
    """

    def __init__(self, media_type: str) -> None:
        self._framing: Framing | None = None
        self._may_be_array = media_type == "application/json"
        if media_type == "text/event-stream":
            self._framing = SseFraming()
        elif media_type in _LINES:
            self._framing = LineFraming()

    def feed(self, data: bytes) -> str:
        """Take the next bytes, and return the words that they complete."""
        if self._may_be_array:
            # Gemini streams an array where it is not asked for events; any other object is whole only at its end.
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
