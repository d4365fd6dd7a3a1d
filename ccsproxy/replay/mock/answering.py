"""Chooses the record that answers a request of any transport, and reports which one it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.exports.mock.answers import RecordedAnswer
from ccsproxy.exports.mock.matching import AskedCall, Matcher, asked_call

#: What stands for the method of a message on a WebSocket.
MESSAGE = "MESSAGE"


@attr.frozen
class MockedCall:
    """A recorded call that can be given again.

    :ivar name: ``SESSION/SEQ``.
    :ivar asked: what it is compared by.
    :ivar answer: reads its answer.
    """

    name: str
    asked: AskedCall
    answer: Callable[[], RecordedAnswer]


@attr.frozen
class Served:
    """What became of a request.

    :ivar call: the record that answered, empty for none.
    :ivar how: see `ccsproxy.exports.mock.matching.Matched`.
    """

    method: str
    target: str
    status: int
    call: str = ""
    how: str = ""


class Answering:
    """Chooses the answers of all connections.

    :param calls: what there is to answer with.
    :param how: one of `ccsproxy.exports.mock.matching.MATCHES`.
    :param speed: how many times as fast as recorded; 0 waits for nothing.
    :param upstreams: names that a path may begin with, as at our own proxy port.
    :param told: called with what became of each request.
    """

    def __init__(
        self,
        calls: Sequence[MockedCall],
        how: str,
        speed: float,
        upstreams: frozenset[str],
        told: Callable[[Served], object],
    ) -> None:
        self._calls, self._speed, self._upstreams, self.told = calls, speed, upstreams, told
        self._matcher = Matcher([call.asked for call in calls], how)

    @property
    def left(self) -> list[str]:
        """The names of the calls that nobody has asked for."""
        return [self._calls[number].name for number in self._matcher.left]

    def has_sockets(self, target: str) -> bool:
        """Tell whether messages on a WebSocket at a path were recorded."""
        path = self._below(target).partition("?")[0]
        return any((call.asked.method, call.asked.path) == (MESSAGE, path) for call in self._calls)

    def answer(self, method: str, target: str, body: Any, raw: bytes) -> tuple[RecordedAnswer | None, str]:
        """Return what answers a request, None and a sentence where no record does.

        :param body: the request's JSON, None where it has none.
        :param raw: its bytes.
        """
        asked = asked_call(method, self._below(target), body, raw)
        found = self._matcher.choose(asked)
        if found is None:
            self.told(Served(method, target, 404))
            return None, self._why(asked)
        call = self._calls[found.number]
        answer = call.answer().at_speed(self._speed)
        self.told(Served(method, target, answer.status, call.name, found.how))
        return answer, ""

    def _below(self, target: str) -> str:
        """Return a target without a segment that only chooses an upstream."""
        name, slash, rest = target[1:].partition("/")
        return f"/{rest}" if slash and name in self._upstreams else target

    def _why(self, asked: AskedCall) -> str:
        nearest = self._matcher.nearest(asked)
        if nearest is None:
            return f"ccsproxy mock: no recorded call went to {asked.method} {asked.path}"
        why = "says something else" if nearest in self._matcher.left else "was given already"
        return f"ccsproxy mock: no recorded call fits; the nearest, {self._calls[nearest].name}, {why}"


def recorded_call(record: Mapping[str, Any], target: str, answer: Callable[[], RecordedAnswer]) -> MockedCall:
    """Return the call of a record.

    :param target: path and query below its upstream.
    """
    request = record.get("request") or {}
    body = request.get("body")
    raw = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else b""
    method = MESSAGE if record.get("transport") == "websocket" else str(request.get("method") or "GET")
    asked = asked_call(method, target, None if isinstance(body, str) else body, raw)
    return MockedCall(f"{record['session_id']}/{record['seq']}", asked, answer)
