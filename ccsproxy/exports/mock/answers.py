"""A recorded response for replay: its head, and its body in chunks with the time at which each is due."""

import base64
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import attr

from ccsproxy.exports.payload import header_pairs, response_payload
from ccsproxy.exports.replay.places import is_replaced
from ccsproxy.wire.headers import HOP_BY_HOP

#: Fields that depend on how the body is sent now, and cookies.
_LEFT_OUT = frozenset(
    {*(name.decode() for name in HOP_BY_HOP), "content-length", "content-encoding", "set-cookie", "alt-svc"}
)
#: The failures that the relay answers itself, with the status of each; all others are 502.
_TIMEOUTS = frozenset({"upstream_timeout"})


@attr.frozen
class RecordedAnswer:
    """A response with its schedule.

    :ivar head_at: seconds from the request to the head.
    :ivar pieces: seconds from the request, and bytes of the body.
    :ivar ends: whether the body is complete; else the connection is aborted after the last piece.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    head_at: float
    pieces: tuple[tuple[float, bytes], ...]
    ends: bool = True

    def at_speed(self, speed: float) -> "RecordedAnswer":
        """Return the response at a multiple of its speed; 0 does not wait at all."""
        share = 1 / speed if speed else 0.0
        pieces = tuple((at * share, data) for at, data in self.pieces)
        return attr.evolve(self, head_at=self.head_at * share, pieces=pieces)


def answer_of(record: Mapping[str, Any]) -> RecordedAnswer | None:
    """Return the response in a record, None if the record is insufficient."""
    if record.get("transport") == "tunnel":
        return None
    response, timing = record.get("response"), record.get("timing") or {}
    if response is None:
        return _of_relay(record)
    body = response_payload(record)
    stream = response.get("stream") if isinstance(response.get("stream"), Mapping) else None
    if body.missing or "eventstream" in body.media_type or _is_cut_binary(response, body.content):
        return None  # the body was not kept, or is not kept as the bytes that a client reads
    head_at = (timing.get("headers") or timing.get("first_byte") or 0.0) / 1000
    end = (timing.get("last_byte") or record.get("duration_ms") or 0.0) / 1000
    chunks = stream.get("chunks") or [] if stream is not None else []
    pieces = tuple(spread(body.content, chunks)) or ((max(head_at, end), body.content),)
    return RecordedAnswer(
        status=int(response.get("status") or 200),
        reason=str(response.get("reason") or ""),
        headers=tuple(_headers(response)),
        head_at=min(head_at, pieces[0][0]),
        pieces=tuple(each for each in pieces if each[1]),
        ends=not record.get("partial"),
    )


def spread(content: bytes, chunks: Sequence[Sequence[float]]) -> Iterator[tuple[float, bytes]]:
    """Split a body as it arrived: each piece has its share of the bytes on the wire, at its time.

    On the wire the body may have been compressed, and secrets in it may have been longer or shorter than their
    placeholders: then pieces end at the nearest ends of events.

    :param chunks: milliseconds and bytes of each piece.
    """
    sizes = [max(0, int(size)) for _, size in chunks]
    whole = sum(sizes)
    if not whole:
        return
    ends = [round(len(content) * sum_ / whole) for sum_ in accumulate(sizes)]
    if whole != len(content):
        marks = [0, *_event_ends(content), len(content)]
        ends = [marks[bisect_right(marks, end) - 1] for end in ends[:-1]] + [len(content)]
    begin = 0
    for (at, _), end in zip(chunks, ends, strict=True):
        if end > begin:
            yield at / 1000, content[begin:end]
            begin = end


def _event_ends(content: bytes) -> Iterator[int]:
    """Yield the ends of events, or of lines."""
    mark = b"\n\n" if b"\n\n" in content else b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n"
    at = content.find(mark)
    while at >= 0:
        yield at + len(mark)
        at = content.find(mark, at + len(mark))


def _headers(response: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in header_pairs(response):
        if name.lower() not in _LEFT_OUT and not is_replaced(value):
            for line in value.split("\n"):
                yield name, line


def _is_cut_binary(response: Mapping[str, Any], content: bytes) -> bool:
    kept = response.get("body_base64")
    if not isinstance(kept, str) or response.get("content_encoding"):
        return False
    return len(content) < int(response.get("body_bytes") or 0) or not base64.b64decode(kept)


def _of_relay(record: Mapping[str, Any]) -> RecordedAnswer | None:
    """Return the relay's own response, for an exchange without a response from the upstream."""
    error, outcome = record.get("error") or {}, str(record.get("outcome") or "")
    if not outcome.startswith(("upstream_", "tls_")):
        return None  # the client disconnected, or the proxy stopped
    error_body = b'{"error":{"type":"%b","message":"%b"}}' % (
        outcome.encode(),
        str(error.get("message") or outcome).replace("\\", "").replace('"', "'").encode(),
    )
    at = (record.get("duration_ms") or 0.0) / 1000
    status, reason = (504, "Gateway Timeout") if outcome in _TIMEOUTS else (502, "Bad Gateway")
    return RecordedAnswer(status, reason, (("content-type", "application/json"),), at, ((at, error_body),))
