"""Compares a recorded call with its repetitions: responses, usage, cost and time."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import attr
import msgspec

from ccsproxy.dialects.views.view import answer_view
from ccsproxy.exchange.usage import Usage
from ccsproxy.insight.words import seconds, tokens
from ccsproxy.providers.amounts import dollars


@attr.frozen
class ReplaySide:
    """One of the compared calls.

    :ivar title: its name.
    :ivar model: the model that responded, else the requested one.
    :ivar outcome: as in records.
    :ivar status: HTTP status, None without a response.
    :ivar cost: US dollars, None if unknown.
    :ivar cost_at_least: a lower bound instead.
    :ivar ttft_ms: milliseconds to the first content.
    :ivar answer: in the form of the provider's non-streaming API.
    :ivar error: why it failed, in a sentence; empty if it did not.
    """

    title: str
    dialect: str | None
    model: str | None
    outcome: str
    status: int | None
    stop_reason: str | None
    usage: Usage | None
    cost: float | None
    cost_at_least: float | None
    ttft_ms: float | None
    duration_ms: float | None
    answer: Any = None
    error: str = ""

    @property
    def text(self) -> str:
        """The text of the response."""
        blocks = answer_view(self.dialect, self.answer).blocks if self.answer is not None else ()
        return "\n".join(block.text for block in blocks if block.kind == "text" and block.text).strip()

    @property
    def calls(self) -> list[str]:
        """The tools that the response calls."""
        blocks = answer_view(self.dialect, self.answer).blocks if self.answer is not None else ()
        return [block.name or "?" for block in blocks if block.kind == "tool_call"]


def recorded_side(record: Mapping[str, Any], title: str, cost: Any) -> ReplaySide:
    """Return the side of a record.

    :param cost: its cost (`ccsproxy.providers.cost.Cost`).
    """
    response, error = record.get("response") or {}, record.get("error") or {}
    return ReplaySide(
        title=title,
        dialect=record.get("dialect"),
        model=record.get("response_model") or record.get("model"),
        outcome=str(record.get("outcome")),
        status=response.get("status"),
        stop_reason=record.get("stop_reason"),
        usage=usage_of(record),
        cost=cost.dollars,
        cost_at_least=cost.at_least,
        ttft_ms=record.get("ttft_ms"),
        duration_ms=record.get("duration_ms"),
        answer=response.get("body_reassembled"),
        error=str(error.get("message") or error.get("kind") or ""),
    )


def usage_of(record: Mapping[str, Any]) -> Usage | None:
    """Return the usage of a recorded call, None if unknown."""
    usage = record.get("usage")
    try:
        return msgspec.convert(usage, Usage) if usage else None
    except msgspec.ValidationError:
        return None


def as_json(side: ReplaySide) -> dict[str, Any]:
    """Return a side as plain data, for JSON."""
    lines = {name: value for name, value in attr.asdict(side, recurse=False).items() if name != "usage"}
    return {**lines, "usage": msgspec.to_builtins(side.usage), "text": side.text, "tool_calls": side.calls}


def table_lines(sides: Sequence[ReplaySide]) -> Iterator[str]:
    """Yield the lines of a table, one column per side."""
    columns = [_column(side) for side in sides]
    widths = [max(map(len, column)) for column in columns]
    for name, *cells in zip(_NAMES, *columns, strict=True):
        if name in _ALWAYS or any(cells):
            row = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            yield f"{name:<8} {'   '.join(row)}".rstrip()


_NAMES = ("", "model", "ended", "stop", "sent", "cached", "out", "cost", "ttft", "time", "calls")
_ALWAYS = frozenset({"", "model", "ended", "cost", "time"})


def _column(side: ReplaySide) -> list[str]:
    usage = side.usage or Usage()
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    parts = (usage.input_tokens, read, written)
    sent = sum(part or 0 for part in parts) if any(part is not None for part in parts) else None
    ended = side.outcome if side.outcome == "complete" else f"{side.outcome} {side.status or ''}".strip()
    return [
        side.title,
        side.model or "-",
        ended,
        side.stop_reason or "",
        tokens(sent) if sent is not None else "",
        f"{read / sent:.0%}" if sent and read is not None else "",
        tokens(usage.output_tokens) if usage.output_tokens is not None else "",
        _cost(side),
        seconds(side.ttft_ms / 1000) if side.ttft_ms is not None else "",
        seconds(side.duration_ms / 1000) if side.duration_ms is not None else "-",
        ", ".join(side.calls[:4]) + (f" and {len(side.calls) - 4} more" if len(side.calls) > 4 else ""),
    ]


def _cost(side: ReplaySide) -> str:
    return dollars(side.cost, "-") if side.cost_at_least is None else f"≥ {dollars(side.cost_at_least)}"


def answer_lines(sides: Sequence[ReplaySide], width: int) -> Iterator[str]:
    """Yield the responses in columns.

    :param width: the line width.
    """
    room = max(20, (width - 3 * (len(sides) - 1)) // len(sides))
    columns = [list(_wrapped(side, room)) for side in sides]
    for cells in zip_longest(*columns, fillvalue=""):
        yield " | ".join(cell.ljust(room) for cell in cells).rstrip()


def _wrapped(side: ReplaySide, width: int) -> Iterator[str]:
    yield side.title[:width]
    lines = side.text or (side.error and f"({side.error})") or "(no words)"
    for line in lines.splitlines():
        yield from textwrap.wrap(line, width, replace_whitespace=False, drop_whitespace=True) or [""]
