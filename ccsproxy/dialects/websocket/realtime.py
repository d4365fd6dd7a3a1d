"""OpenAI Realtime: one exchange per response, whether the client or a pause in its speech asked for it.

What the client sends between two responses belongs to the request for the second one: it is kept next to the
``response.create`` in ``_earlier``, with the server's messages about it (transcripts, items). Audio is represented by
its size.
"""

from __future__ import annotations

from collections import deque
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

_APPENDED = "input_audio_buffer.append"


class RealtimeSocket:
    """Divides one connection; see `ccsproxy.dialects.websocket.protocol.SocketProtocol`."""

    name = "openai_realtime"

    def __init__(self) -> None:
        self._asked: deque[int] = deque()
        self._open: dict[str, int] = {}
        self._earlier: list[dict[str, Any]] = []
        self._left_out = 0
        self._model: str | None = None
        self._last: int | None = None
        self._count = 0

    def sent(self, text: bytes) -> list[Step]:
        """Take the client's next message."""
        message, left_out = without_audio(object_in(text))
        kind = text_of(message, "type")
        self._note_model(message)
        if kind == "response.create":
            begun = self._begin(message)
            self._asked.append(begun.key)
            return [begun]
        self._keep(message, left_out)
        newest = self._newest()
        return [ResponseMessage(newest)] if newest is not None else []

    def received(self, text: bytes) -> list[Step]:
        """Take the server's next message."""
        event = object_in(text)
        event, left_out = without_audio(event, text_of(event, "type").endswith("audio.delta"))
        kind = text_of(event, "type")
        self._note_model(event)
        response_id = text_of(event, "response_id") or text_of(event.get("response"), "id")
        if kind == "response.created":
            return self._created(response_id, event)
        key = self._open.get(response_id)
        if key is None and kind == "error" and self._asked:
            key = self._asked.popleft()
            return [ResponseMessage(key, encoded(event)), Finished(key)]
        if key is None:
            self._keep(event, left_out)
            newest = self._newest()
            return [ResponseMessage(newest)] if newest is not None else []
        steps: list[Step] = [ResponseMessage(key, encoded(event), left_out)]
        if kind == "response.done":
            del self._open[response_id]
            steps.append(Finished(key))
        return steps

    def rest(self) -> list[bytes]:
        """Return the messages that belong to no exchange."""
        return [encoded(each) for each in self._earlier]

    def _created(self, response_id: str, event: dict[str, Any]) -> list[Step]:
        steps: list[Step] = []
        if self._asked:
            key = self._asked.popleft()
        else:
            begun = self._begin({})
            key = begun.key
            steps.append(begun)
        self._open[response_id] = key
        return [*steps, ResponseMessage(key, encoded(event))]

    def _begin(self, message: dict[str, Any]) -> ResponseBegun:
        self._count += 1
        earlier, self._earlier = self._earlier, []
        left_out, self._left_out = self._left_out, 0
        body = {**message, "_earlier": earlier} if earlier else message
        before, self._last = self._last, self._count
        return ResponseBegun(self._count, encoded(body), before=before, model=self._model, left_out=left_out)

    def _keep(self, message: dict[str, Any], left_out: int) -> None:
        """Keep a message for the next exchange; pieces of one utterance become one."""
        self._left_out += left_out
        last = self._earlier[-1] if self._earlier else {}
        if message.get("type") == _APPENDED == last.get("type") and left_out:
            last["audio_bytes"] = last.get("audio_bytes", 0) + left_out
        elif message:
            self._earlier.append(message)

    def _note_model(self, message: dict[str, Any]) -> None:
        session = message.get("session")
        self._model = text_of(session, "model") or self._model

    def _newest(self) -> int | None:
        open_ones = [*self._open.values(), *self._asked]
        return max(open_ones) if open_ones else None
