"""Which exchange another one continues, by the response ids that the provider keeps and requests refer to."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from ccsproxy.capture.recorder.websocket.connection import SocketFacts
from ccsproxy.exchange.continuation import previous_answer
from ccsproxy.exchange.record import Record, WebSocketNote

#: Dialects in which later requests may name an answer.
_NAMED = ("openai_responses", "openai_realtime", "anthropic")
#: How many responses are remembered.
_REMEMBERED = 8192


class Continuations:
    """Remembers where each response is recorded."""

    def __init__(self) -> None:
        self._place: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def follow(self, record: Record, socket: SocketFacts | None) -> Record:
        """Add to a record what it continues and its WebSocket's details, and remember its response.

        :param record: as the store will receive it: redacted.
        """
        self._remember(record)
        request = record.request
        previous = previous_answer(request.body)
        if previous:
            session, seq = self._place.get(previous, ("", 0))
            request = msgspec.structs.replace(request, context=seq if session == record.session_id else None)
        elif socket is not None and socket.before is not None:
            request = msgspec.structs.replace(request, context=socket.before)
        response = record.response
        if socket is not None and response is not None:
            note = WebSocketNote(path=request.path, subprotocol=socket.subprotocol, frames=socket.frames)
            response = msgspec.structs.replace(response, websocket=note)
        return msgspec.structs.replace(record, request=request, response=response)

    def _remember(self, record: Record) -> None:
        body: Any = record.response.body_reassembled if record.response is not None else None
        response_id = body.get("id") if isinstance(body, dict) else None
        if record.dialect in _NAMED and isinstance(response_id, str):
            self._place[response_id] = record.session_id, record.seq
            if len(self._place) > _REMEMBERED:
                self._place.popitem(last=False)
