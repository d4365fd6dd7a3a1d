"""Which recorded call answers a request: an equal one, one with the same beginning, or simply the next one."""

import hashlib
from collections.abc import Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.clients.answered import answer_line
from ccsproxy.clients.prompt import conversation_of, is_models, words_of

#: The values of `--match`.
EXACT, PREFIX, NEXT = "exact", "prefix", "next"
MATCHES = (EXACT, PREFIX, NEXT)

_canonical = msgspec.json.Encoder(order="deterministic").encode

#: Role and text: an item of a conversation, as far as it must be the same in another run.
Unit = tuple[str, str]


@attr.frozen
class ComparedCall:
    """The parts of a request that are compared.

    :ivar path: without the query and without the segment that selected an upstream.
    :ivar body: digest of its JSON, or of its bytes.
    :ivar units: its conversation: the user's and the model's text, without what agents and tools insert.
    :ivar kind: what else distinguishes calls of one conversation: model, whether it has tools, a schema, a
    stream.
    """

    method: str
    path: str
    body: bytes
    units: tuple[Unit, ...] = ()
    kind: tuple[Any, ...] = ()


def compared_call(method: str, target: str, body: Any, raw: bytes = b"") -> ComparedCall:
    """Return the parts of a request that are compared.

    :param body: its JSON, None if it has none.
    :param raw: its bytes, for one without JSON.
    """
    canonical = raw if body is None else _canonical(body)
    digest = hashlib.sha256(canonical).digest()
    if not isinstance(body, dict):
        return ComparedCall(method, target.partition("?")[0], digest)
    return ComparedCall(method, target.partition("?")[0], digest, _units(body), _kind(body))


def _units(body: dict[str, Any]) -> tuple[Unit, ...]:
    items = conversation_of(body)
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    found: list[Unit] = []
    for item in items if isinstance(items, list) else ():
        if is_models(item):
            held = item if isinstance(item, dict) and "content" in item else [item]
            found.append(("model", answer_line(held)))
        elif words := "\n".join(words_of(item)):
            found.append(("user", words))
    return tuple(found)


def _kind(body: dict[str, Any]) -> tuple[Any, ...]:
    schema = body.get("output_config") or body.get("response_format") or body.get("text")
    warms = body.get("generate") is False
    return (body.get("model"), bool(body.get("tools")), _canonical(schema), bool(body.get("stream")), warms)


@attr.frozen
class Matched:
    """A recorded call that answers a request.

    :ivar number: the index of the call.
    :ivar how: ``equal``, ``alike`` (the same conversation with different text around it), ``begins alike`` or
    ``next``.
    """

    number: int
    how: str


class Matcher:
    """Chooses among the calls of a session. A used call is used again only for a request that matches completely.

    So an agent that deviates runs out of responses, and does not loop on one of them.

    :param calls: in the order in which they were recorded.
    :param how: one of `MATCHES`.
    """

    def __init__(self, calls: Sequence[ComparedCall], how: str = PREFIX) -> None:
        self._calls, self._how = calls, how
        self._given: set[int] = set()

    @property
    def left(self) -> list[int]:
        """The calls that have not been used."""
        return [number for number in range(len(self._calls)) if number not in self._given]

    def choose(self, request: ComparedCall) -> Matched | None:
        """Return the call that answers a request, None if there is none."""
        found = self._next(request) if self._how == NEXT else self._fitting(request)
        if found is not None:
            self._given.add(found.number)
        return found

    def nearest(self, request: ComparedCall) -> int | None:
        """Return the call that is most similar to a request, to explain why none was chosen."""
        same = [number for number, call in enumerate(self._calls) if _address(call) == _address(request)]
        return max(same, key=lambda number: _common(self._calls[number], request), default=None)

    def _next(self, request: ComparedCall) -> Matched | None:
        number = next((each for each in self.left if _address(self._calls[each]) == _address(request)), None)
        return None if number is None else Matched(number, NEXT)

    def _fitting(self, request: ComparedCall) -> Matched | None:
        same = [number for number, call in enumerate(self._calls) if _address(call) == _address(request)]
        equal = [number for number in same if self._calls[number].body == request.body]
        if equal:
            return Matched(self._first(equal), "equal")
        if self._how == EXACT:
            return None
        alike = [number for number in same if self._calls[number].units == request.units]
        if alike:
            return Matched(self._likest(alike, request), "alike")
        rest = [number for number in same if number not in self._given and _common(self._calls[number], request)]
        if not request.units or not rest:
            return None
        longest = max(_common(self._calls[number], request) for number in rest)
        best = [number for number in rest if _common(self._calls[number], request) == longest]
        return Matched(self._likest(best, request), "begins alike")

    def _first(self, numbers: list[int]) -> int:
        """Return the first unused call, else the last: the final result of a retry."""
        return next((number for number in numbers if number not in self._given), numbers[-1])

    def _likest(self, numbers: list[int], request: ComparedCall) -> int:
        def likeness(number: int) -> int:
            return sum(a == b for a, b in zip(self._calls[number].kind, request.kind, strict=False))

        most = max(map(likeness, numbers))
        return self._first([number for number in numbers if likeness(number) == most])


def _address(call: ComparedCall) -> tuple[str, str]:
    return call.method, call.path


def _common(one: ComparedCall, other: ComparedCall) -> int:
    """Return the length of the common beginning of two conversations."""
    count = 0
    for mine, theirs in zip(one.units, other.units, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
