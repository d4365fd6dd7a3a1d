"""Chooses the record that answers a request of any transport, and reports which one it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.exports.mock.answers import RecordedAnswer
from ccsproxy.exports.mock.matching import ComparedCall, Matcher, compared_call

#: The pseudo-method of a WebSocket message.
MESSAGE = "MESSAGE"


@attr.frozen
class MockedCall:
    """A recorded call that can be replayed.

    :ivar name: ``SESSION/SEQ``.
    :ivar asked: the parts of its request that are compared.
    :ivar answer: reads its response.
    """

    name: str
    asked: ComparedCall
    answer: Callable[[], RecordedAnswer]


@attr.frozen
class Served:
    """The result of a request.

    :ivar call: the record that answered it, empty if none did.
    :ivar how: see `ccsproxy.exports.mock.matching.Matched`.
    """

    method: str
    target: str
    status: int
    call: str = ""
    how: str = ""


class Answering:
    """Chooses the responses of all connections.

    :param calls: the available calls.
    :param how: one of `ccsproxy.exports.mock.matching.MATCHES`.
    :param speed: multiple of the recorded speed; 0 does not wait at all.
    :param upstreams: names that a path may begin with, as at our own proxy port.
    :param told: called with the result of each request.
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
        """The names of the calls that were not used."""
        return [self._calls[number].name for number in self._matcher.left]

    def has_sockets(self, target: str) -> bool:
        """Tell whether messages on a WebSocket at a path were recorded."""
        path = self._below(target).partition("?")[0]
        return any((call.asked.method, call.asked.path) == (MESSAGE, path) for call in self._calls)

    def answer(self, method: str, target: str, body: Any, raw: bytes) -> tuple[RecordedAnswer | None, str]:
        """Return the response to a request, or None and a sentence if no record matches.

        :param body: the request's JSON, None if it has none.
        :param raw: its bytes.
        """
        asked = compared_call(method, self._below(target), body, raw)
        found = self._matcher.choose(asked)
        if found is None:
            self.told(Served(method, target, 404))
            return None, self._why(asked)
        call = self._calls[found.number]
        answer = call.answer().at_speed(self._speed)
        self.told(Served(method, target, answer.status, call.name, found.how))
        return answer, ""

    def _below(self, target: str) -> str:
        """Return a target without the segment that selects an upstream."""
        name, slash, rest = target[1:].partition("/")
        return f"/{rest}" if slash and name in self._upstreams else target

    def _why(self, asked: ComparedCall) -> str:
        nearest = self._matcher.nearest(asked)
        if nearest is None:
            return f"ccsproxy mock: no recorded call went to {asked.method} {asked.path}"
        why = "says something else" if nearest in self._matcher.left else "was given already"
        return f"ccsproxy mock: no recorded call matches; the nearest, {self._calls[nearest].name}, {why}"


def recorded_call(record: Mapping[str, Any], target: str, answer: Callable[[], RecordedAnswer]) -> MockedCall:
    """Return the call of a record.

    :param target: path and query below its upstream.
    """
    request = record.get("request") or {}
    body = request.get("body")
    raw = body.encode("utf-8", "backslashreplace") if isinstance(body, str) else b""
    method = MESSAGE if record.get("transport") == "websocket" else str(request.get("method") or "GET")
    asked = compared_call(method, target, None if isinstance(body, str) else body, raw)
    return MockedCall(f"{record['session_id']}/{record['seq']}", asked, answer)
