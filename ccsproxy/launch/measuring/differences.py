"""Differences between the requests of two runs of an agent, ignoring ids, hashes, times and connection fields."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attr

#: Fields that belong to a connection (RFC 9110, section 7.6.1) or to the framing of a body.
_CONNECTION = frozenset(
    "connection keep-alive proxy-connection te trailer transfer-encoding content-length upgrade "
    "sec-websocket-key".split()
)
#: What differs between runs of any program, longest forms first.
_CHANGING = (
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (
        re.compile(r"\b(msg|resp|toolu|call|req|fc|ctc|ses|prt|chatcmpl|session|user|run|task|device)[-_][\w-]{8,}"),
        r"\1_<id>",
    ),
    (re.compile(r"\b\d{10}(\.\d+|\d{3})?\b"), "<time>"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[a-zA-Z])\w{16,}=*"), "<id>"),
    (re.compile(r"\b(?=\w*\d)[0-9a-f]{5,}\b", re.I), "<hash>"),
    (re.compile(r"\b\d+(\.\d+)?(e-?\d+)? ?(ms|s|seconds?|milliseconds?)\b"), "<span>"),
)
#: Members of a body and header fields with durations and counts of the machine.
_MEASURES = re.compile(r"(duration|elapsed|latency|uptime|memory|rss|heap|cpu|timestamp|_ms$|(_|^)time$|age)", re.I)


#: Telemetry of an agent: its content differs from run to run, so only its receivers are compared.
_TELEMETRY = re.compile(r"event_logging|/otlp|analytics|telemetry|/metrics|/log$|/batch$|/track$|/envelope")


#: A value with at least this many commas is a list.
_LIST = 4


@attr.frozen
class MeasuredRequest:
    """One request, or one message over a WebSocket, as seen by a mock.

    :ivar kind: ``http``, ``handshake`` or ``message``.
    :ivar body: its JSON value; a string for other bodies, None for none.
    :ivar is_model_call: it called a model.
    """

    kind: str
    method: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: Any
    is_model_call: bool = True

    @classmethod
    def read(cls, line: str) -> "MeasuredRequest":
        """Parse a line of ``seen.jsonl``."""
        seen = json.loads(line)
        headers = tuple((name, value) for name, value in seen["headers"])
        return cls(
            seen["kind"], seen["method"], seen["host"], seen["target"], headers, seen["body"], bool(seen["told"])
        )

    @property
    def key(self) -> str:
        """Method, host and target, without ids."""
        return f"{self.method} {self.host}{still(self.target)}"

    @property
    def shape(self) -> tuple[str, int, int]:
        """What distinguishes parallel calls to one address, so that they are compared with their like."""
        body = self.body if isinstance(self.body, Mapping) else {}
        messages = body.get("messages") or body.get("input") or body.get("contents") or ()
        return (str(body.get("model")), len(body.get("tools") or ()), len(messages))


def still(text: str) -> str:
    """Replace what changes from run to run in a text."""
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text


def flattened(value: Any, place: str = "body") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON value with their places; JSON inside strings is parsed."""
    if isinstance(value, Mapping):
        for name in value:
            yield from flattened(value[name], f"{place}.{still(str(name))}")
    elif isinstance(value, list):
        yield place, f"{len(value)} members"
        for number, each in enumerate(value):
            yield from flattened(each, f"{place}[{number}]")
    elif isinstance(value, str) and value[:1] in "{[" and (inner := _json(value)) is not None:
        yield from flattened(inner, place)
    else:
        yield place, "<measure>" if _MEASURES.search(place.rpartition(".")[2]) else still(str(value))


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def leaves(request: MeasuredRequest) -> list[tuple[str, str]]:
    """Return the content of a request, place by place: header lines in order and spelling, then the body."""
    fields = [(name, value) for name, value in request.headers if name.lower() not in _CONNECTION]
    order = ("order of fields", " ".join(name for name, _ in fields))
    return [order, *((f"field {name}", still(value)) for name, value in fields), *flattened(request.body)]


@attr.frozen
class MeasuredDifference:
    """One place at which two runs differ.

    :ivar request: the request's key.
    :ivar place: the place in it; empty if one run lacks the request.
    """

    request: str
    place: str
    one: str
    other: str

    @property
    def where(self) -> tuple[str, str]:
        """The place, without its values."""
        return (self.request, self.place)

    def text(self) -> str:
        """Format it; of two lists, only the differing elements."""
        return f"{self.request}: {self.place or 'how often'}: {self._what()}"

    def _what(self) -> str:
        one, other = self.one.split(","), self.other.split(",")
        if min(len(one), len(other)) < _LIST:
            return f"{self.one[:160]!r} and {self.other[:160]!r}"
        lost, new = [each for each in one if each not in other], [each for each in other if each not in one]
        messages = [*(["without " + ",".join(lost)] if lost else []), *(["with " + ",".join(new)] if new else [])]
        return "; ".join(messages) or "in another order"


def compare(one: Iterable[MeasuredRequest], other: Iterable[MeasuredRequest]) -> list[MeasuredDifference]:
    """Return the places at which two runs differ; requests to one address are paired by their shape."""
    first, second = _by_key(one), _by_key(other)
    found = []
    for key in sorted(first.keys() | second.keys()):
        left, right = first.get(key, []), second.get(key, [])
        if _TELEMETRY.search(key):
            if not left or not right:
                found.append(MeasuredDifference(key, "", str(len(left)), str(len(right))))
            continue
        if len(left) != len(right):
            found.append(MeasuredDifference(key, "", str(len(left)), str(len(right))))
        for a, b in zip(left, right, strict=False):
            found += _places(key, a, b)
    return found


def _by_key(requests: Iterable[MeasuredRequest]) -> dict[str, list[MeasuredRequest]]:
    found: dict[str, list[MeasuredRequest]] = {}
    for request in requests:
        found.setdefault(request.key, []).append(request)
    return {key: sorted(each, key=lambda request: request.shape) for key, each in found.items()}


def _places(key: str, one: MeasuredRequest, other: MeasuredRequest) -> Iterator[MeasuredDifference]:
    left, right = leaves(one), leaves(other)
    a, b = dict(left), dict(right)
    for place in dict.fromkeys([*a, *b]):
        if a.get(place) != b.get(place):
            yield MeasuredDifference(key, place, a.get(place, "<nothing>"), b.get(place, "<nothing>"))
