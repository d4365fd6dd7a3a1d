"""Gemini Live (``BidiGenerateContent``): one exchange for each turn of the model.

A turn is requested by content that is marked as complete, by a text, by the result of a tool, or by speech. Only the
server hears the end of speech, so that such a turn begins with the first word of the answer. A turn ends with
``turnComplete``, or when the client answers the model's tool calls. Audio is represented by its size.
"""

from __future__ import annotations

from typing import Any

from ccsproxy.dialects.websocket.audio import without_audio
from ccsproxy.dialects.websocket.protocol import (
    Finished,
    ResponseBegun,
    ResponseMessage,
    Step,
    encoded,
    object_in,
    text_of,
)

_ANSWERS = ("serverContent", "toolCall", "toolCallCancellation")


class GeminiLiveSocket:
    """Divides one connection; see `ccsproxy.dialects.websocket.protocol.SocketProtocol`."""

    name = "gemini_live"

    def __init__(self) -> None:
        self._active: int | None = None
        self._answered = False
        self._earlier: list[dict[str, Any]] = []
        self._left_out = 0
        self._model: str | None = None
        self._count = 0

    def sent(self, text: bytes) -> list[Step]:
        """Take the client's next message."""
        message, left_out = without_audio(object_in(text))
        setup = message.get("setup")
        self._model = text_of(setup, "model").removeprefix("models/") or self._model
        self._left_out += left_out
        if self._asks(message):
            steps: list[Step] = [Finished(self._active)] if self._active is not None and self._answered else []
            if self._active is None or self._answered:
                return [*steps, self._begin(message)]
        if message and not self._join_speech(message, left_out):
            self._earlier.append(message)
        return [ResponseMessage(self._active)] if self._active is not None else []

    def received(self, text: bytes) -> list[Step]:
        """Take the server's next message."""
        event, left_out = without_audio(object_in(text))
        steps: list[Step] = []
        if self._active is None:
            if not any(each in event for each in _ANSWERS):
                self._earlier += [event] if event else []
                return []
            steps.append(self._begin({}))
        if self._active is None:
            return steps
        self._answered |= any(each in event for each in _ANSWERS)
        steps.append(ResponseMessage(self._active, encoded(event), left_out))
        content = event.get("serverContent")
        if isinstance(content, dict) and content.get("turnComplete"):
            steps.append(Finished(self._active))
            self._active = None
        return steps

    def rest(self) -> list[bytes]:
        """Return the messages that belong to no exchange."""
        return [encoded(each) for each in self._earlier]

    @staticmethod
    def _asks(message: dict[str, Any]) -> bool:
        content, speech = message.get("clientContent"), message.get("realtimeInput")
        complete = isinstance(content, dict) and bool(content.get("turnComplete", content.get("turn_complete")))
        return complete or "toolResponse" in message or bool(text_of(speech, "text"))

    def _begin(self, message: dict[str, Any]) -> ResponseBegun:
        before = self._count or None
        self._count += 1
        self._active, self._answered = self._count, False
        earlier, self._earlier = self._earlier, []
        left_out, self._left_out = self._left_out, 0
        body = {**message, "_earlier": earlier} if earlier else message
        return ResponseBegun(self._count, encoded(body), before=before, model=self._model, left_out=left_out)

    def _join_speech(self, message: dict[str, Any], left_out: int) -> bool:
        """Count a piece of speech to the one before it."""
        spoken = message.get("realtimeInput")
        if not left_out or not isinstance(spoken, dict):
            return False
        last = self._earlier[-1].get("realtimeInput") if self._earlier else None
        if isinstance(last, dict) and "spoken_bytes" in last:
            last["spoken_bytes"] += left_out
            return True
        spoken["spoken_bytes"] = left_out
        return False
