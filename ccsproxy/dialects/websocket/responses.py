"""OpenAI Responses over WebSocket: an exchange per ``response.create``, and per successor of a steered one.

Responses on one connection run in parallel lanes, named by ``stream_id``; messages without one form a lane of their
own. Within a lane, responses follow one another. A client may steer a response with ``response.steer``: the server
then ends it and starts a successor without a new request (OpenAI's guide to WebSocket mode, its event reference).
"""

from __future__ import annotations

from collections import deque

import attr

from ccsproxy.dialects.websocket.protocol import (
    Finished,
    ResponseBegun,
    ResponseMessage,
    Step,
    encoded,
    object_in,
    one_line,
    text_of,
)

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"})
#: How many responses' lanes are remembered, for steering them.
_REMEMBERED = 1024


@attr.define
class ResponseLane:
    """Responses that follow one another.

    :ivar waiting: exchanges that were requested and not yet answered.
    :ivar active: the exchange that is being answered.
    :ivar active_id: the id of its response, once it is known.
    :ivar last: the previous exchange, and the id of its response.
    :ivar steers: the steering messages since the last response started.
    :ivar early: events that arrived before anything was requested.
    """

    waiting: deque[int] = attr.field(factory=deque)
    active: int | None = None
    active_id: str = ""
    last: tuple[int | None, str] = (None, "")
    steers: list[bytes] = attr.field(factory=list)
    early: list[bytes] = attr.field(factory=list)

    def activate(self) -> None:
        """Let the exchange that waits longest be the one that is answered."""
        if self.active is None and self.waiting:
            self.active, self.active_id = self.waiting.popleft(), ""


class ResponsesSocket:
    """Divides one connection; see `ccsproxy.dialects.websocket.protocol.SocketProtocol`."""

    name = "openai_responses"

    def __init__(self) -> None:
        self._lanes: dict[str, ResponseLane] = {}
        self._lane_of: dict[str, ResponseLane] = {}
        self._count = 0

    def sent(self, text: bytes) -> list[Step]:
        """Take the client's next message."""
        message = object_in(text)
        kind, lane = text_of(message, "type"), self._lane(text_of(message, "stream_id"))
        previous = text_of(message, "previous_response_id")
        if kind == "response.create":
            key = self._new_key()
            lane.waiting.append(key)
            early, lane.early = lane.early, []
            return [ResponseBegun(key, text, previous), *(ResponseMessage(key, line) for line in early)]
        if kind == "response.steer":
            lane = self._lane_of.get(previous, lane)
            lane.steers.append(text)
        key_or_none = lane.active if lane.active is not None else next(iter(lane.waiting), None)
        return [ResponseMessage(key_or_none)] if key_or_none is not None else []

    def received(self, text: bytes) -> list[Step]:
        """Take the server's next message."""
        event = object_in(text)
        kind, lane = text_of(event, "type"), self._lane(text_of(event, "stream_id"))
        steps: list[Step] = []
        if kind == "response.created":
            steps = self._created(lane, text_of(event.get("response"), "id"))
        elif kind == "error" and lane.active_id and lane.waiting:
            return self._refused(
                lane, text
            )  # a response is in progress: the failure belongs to the one requested since
        lane.activate()
        if lane.active is None:
            lane.early.append(one_line(text))
            return steps
        steps.append(ResponseMessage(lane.active, one_line(text)))
        if kind in _TERMINAL:
            steps.append(Finished(lane.active))
            lane.last, lane.active, lane.active_id = (lane.active, lane.active_id), None, ""
        return steps

    def rest(self) -> list[bytes]:
        """Return the messages that belong to no exchange."""
        return [line for lane in self._lanes.values() for line in (*lane.early, *lane.steers)]

    def _created(self, lane: ResponseLane, response_id: str) -> list[Step]:
        """Process the start of a response: the requested one, or the successor of a steered one."""
        steps: list[Step] = []
        if lane.active is not None and lane.active_id not in ("", response_id):
            steps.append(Finished(lane.active))  # it had no end of its own
            lane.last, lane.active = (lane.active, lane.active_id), None
        lane.activate()
        if lane.active is None:
            lane.active = self._new_key()
            before, previous = lane.last
            steps.append(ResponseBegun(lane.active, self._steering(lane), previous, before))
        lane.active_id = response_id
        if response_id:
            self._remember(response_id, lane)
        return steps

    @staticmethod
    def _steering(lane: ResponseLane) -> bytes:
        """Return the request of a successor: the steering message, or a list of several."""
        steers, lane.steers = lane.steers, []
        return steers[0] if len(steers) == 1 else encoded([object_in(each) for each in steers])

    @staticmethod
    def _refused(lane: ResponseLane, text: bytes) -> list[Step]:
        key = lane.waiting.pop()
        return [ResponseMessage(key, one_line(text)), Finished(key)]

    def _lane(self, stream_id: str) -> ResponseLane:
        return self._lanes.setdefault(stream_id, ResponseLane())

    def _remember(self, response_id: str, lane: ResponseLane) -> None:
        self._lane_of[response_id] = lane
        if len(self._lane_of) > _REMEMBERED:
            del self._lane_of[next(iter(self._lane_of))]

    def _new_key(self) -> int:
        self._count += 1
        return self._count
