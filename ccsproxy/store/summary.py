"""The summary of an exchange: what lists, filters and statistics need, read without parsing bodies."""

import json
import zlib
from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from ccsproxy.exchange.outcome import Category, is_error
from ccsproxy.exchange.record import SCHEMA_VERSION, Client, Error, Process
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import Cost
from ccsproxy.providers.resellers import priced_model
from ccsproxy.store.bounds import LARGEST_COUNT, bounded_count, bounded_json, bounded_span, bounded_usage

#: Returns what a call costs: model, usage, start time, the upstream's name and its address.
Price = Callable[[str | None, Usage | None, str, str, str], Cost]

#: Number of bits of an order key below its milliseconds.
KEY_BITS = 21
#: The latest start that an order key can represent (2109), in milliseconds since the epoch.
LATEST_MS = (1 << 42) - 2


def no_price(model: str | None, usage: Usage | None, at: str, upstream: str, url: str) -> Cost:
    """Return that no price is known."""
    return Cost(None, "price")


class Summary(msgspec.Struct, kw_only=True, gc=False):
    """One row of a list of requests; null means unknown, ``outcome`` null means still running.

    :ivar unpriced: what is missing for a cost that should exist, in a word (`ccsproxy.providers.cost.Cost`); a
    ``cost`` beside it is a lower bound.
    :ivar tools: the names of the tools that the response calls.
    :ivar purpose: what a model call was for: ``main``, ``title``, ``quota``, ``compaction``, ``side``.
    :ivar about: the source of ``preview``: ``prompt``, ``result``, ``answer``, ``calls``, ``title``, ``kind``.
    :ivar preview: what the call was about, as one line for people.
    """

    id: str
    seq: int
    session_id: str
    request_id: str | None = None
    started_at: str
    ended_at: str | None = None
    duration_ms: float | None = None
    ttft_ms: float | None = None
    upstream: str = ""
    dialect: str | None = None
    category: str = "other"
    model: str | None = None
    response_model: str | None = None
    outcome: str | None = None
    stop_reason: str | None = None
    status: int | None = None
    has_error: bool = False
    error_kind: str | None = None
    error_message: str | None = None
    partial: bool = False
    method: str = ""
    path: str = ""
    client: str | None = None
    client_version: str | None = None
    agent: str | None = None
    parent_agent: str | None = None
    thread: str | None = None
    cwd: str | None = None
    account: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    unpriced: str | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    tools: list[str] = []
    purpose: str | None = None
    about: str | None = None
    preview: str | None = None
    schema_version: int = SCHEMA_VERSION


class RequestPart(msgspec.Struct, gc=False):
    """The part of a record's ``request`` that is parsed; the body is not."""

    method: str = ""
    path: str = ""
    headers: msgspec.Raw = msgspec.Raw(b"{}")
    body: msgspec.Raw = msgspec.Raw(b"null")
    body_bytes: int = 0


class ResponsePart(msgspec.Struct, gc=False):
    """The part of a record's ``response`` that is parsed; the body is not."""

    status: int | None = None
    body_reassembled: msgspec.Raw = msgspec.Raw(b"null")
    body_bytes: int = 0


class Entry(msgspec.Struct, gc=False):
    """A line of a segment as parsed by the index: a record, or the ``started`` line that precedes one."""

    id: str
    seq: int
    session_id: str
    started_at: str
    upstream: str
    category: str
    client: Client
    schema_version: int
    upstream_url: str | None = None
    event: str = ""
    request_id: str | None = None
    ended_at: str | None = None
    duration_ms: float | None = None
    ttft_ms: float | None = None
    dialect: str | None = None
    model: str | None = None
    response_model: str | None = None
    outcome: str | None = None
    stop_reason: str | None = None
    error: Error | None = None
    partial: bool = False
    usage: Usage | None = None
    request: RequestPart = msgspec.field(default_factory=RequestPart)
    response: ResponsePart | None = None
    method: str = ""
    path: str = ""

    @property
    def started(self) -> bool:
        """Whether this is the line that announces an exchange, not its record."""
        return self.event == "started"


_decoder = msgspec.json.Decoder(Entry)
_OWN = {"client", "method", "path", "seq", "duration_ms", "ttft_ms"}
_SAME = [name for name in Entry.__struct_fields__ if name in Summary.__struct_fields__ and name not in _OWN]
_same = attrgetter(*_SAME)


def read_entry(line: bytes | bytearray) -> Entry:
    """Parse a line of a segment, including older schema versions.

    :raises ValueError: if it is neither a record nor a ``started`` line.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        whole = bounded_json(json.loads(plain_json(line)))
        if isinstance(whole, dict) and "event" not in whole:
            whole = upgrade(whole)
        return _decoder.decode(msgspec.json.encode(whole))


def plain_json(text: bytes | bytearray) -> bytes:
    """Rewrite JSON without the lone surrogates that some agents send and strict parsers refuse.

    :raises ValueError: if it is not JSON.
    """
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")


def summarise(entry: Entry) -> Summary:
    """Make the summary of an entry; cost, tools and preview are added elsewhere."""
    client, usage, error, response = entry.client, bounded_usage(entry.usage) or Usage(), entry.error, entry.response
    return Summary(
        **dict(zip(_SAME, _same(entry), strict=True)),
        seq=entry.seq if 0 <= entry.seq <= LARGEST_COUNT else 0,
        duration_ms=bounded_span(entry.duration_ms),
        ttft_ms=bounded_span(entry.ttft_ms),
        status=bounded_count(response.status) if response else None,
        has_error=entry.outcome is not None and is_error(entry.outcome, error.kind if error is not None else None),
        error_kind=error.kind if error else None,
        error_message=error.message if error else None,
        method=entry.method or entry.request.method,
        path=entry.path or entry.request.path,
        client=client.name,
        client_version=client.version,
        agent=client.agent,
        parent_agent=client.parent_agent,
        thread=client.thread,
        cwd=client.cwd or _folder(client.process),
        account=client.account,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_creation_input_tokens=usage.cache_creation_input_tokens,
        cache_read_input_tokens=usage.cache_read_input_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        request_bytes=None if entry.started else bounded_count(entry.request.body_bytes),
        response_bytes=bounded_count(response.body_bytes) if response else None,
    )


def _folder(process: Process | None) -> str | None:
    """Return the working directory of a program that names no project directory, None if it says nothing about a
    project.
    """
    return process.cwd if process is not None and process.cwd != "/" else None


def set_cost(row: Summary, entry: Entry, price: Price) -> None:
    """Set the cost of a finished exchange in its summary, or what is missing for it.

    A call that used nothing, or of which nothing is known because it failed, lacks no price.
    """
    found = _cost(entry, price)
    row.cost = found.dollars if found.dollars is not None else found.at_least
    if found.dollars is None and _is_billed(row):
        row.unpriced = found.gap


def cost_gap(entry: Entry, price: Price) -> str | None:
    """Return why the cost of a finished exchange is unknown, as a sentence; None if it is known."""
    found = _cost(entry, price)
    return found.reason if found.dollars is None else None


def _cost(entry: Entry, price: Price) -> Cost:
    return price(
        priced_model(entry.model, entry.response_model),
        bounded_usage(entry.usage),
        entry.started_at,
        entry.upstream,
        entry.upstream_url or "",
    )


def _is_billed(row: Summary) -> bool:
    """Tell whether a call without a price is one that the provider bills, as far as is known."""
    if row.input_tokens or row.output_tokens or row.cache_read_input_tokens or row.cache_creation_input_tokens:
        return True
    return row.category == Category.MODEL and row.status is not None and row.status < 300


def milliseconds(when: str) -> int:
    """Convert a time as in records (RFC 3339) to milliseconds since the epoch.

    :raises ValueError: if it is not such a time.
    """
    return round(datetime.fromisoformat(when if when[-1:] in "Zz" or "+" in when else when + "Z").timestamp() * 1000)


def order_key(started_at: str, exchange_id: str) -> int:
    """Return the number by which lists are sorted: milliseconds of the start, then the order of ids within one.

    An id is made when the head is complete, often in a later millisecond than that of its first byte. So the 21 lower
    bits contain the delay in milliseconds (3), the id's counter within that millisecond (8), and what distinguishes
    the ids of several sources (10). A start after `LATEST_MS` counts as `LATEST_MS`. Rarely, two exchanges get the
    same number; the index then increments one.
    """
    begun, low = min(max(milliseconds(started_at), 0), LATEST_MS), zlib.crc32(exchange_id.encode())
    try:
        made, count = int(exchange_id[:12], 16), int(exchange_id[12:18], 16)
    except ValueError:
        return begun << KEY_BITS | low & (1 << KEY_BITS) - 1
    # A start is rounded and an id's millisecond is truncated, so the id may seem to be earlier.
    late = min(max(made - begun + 1, 0), 7)
    return begun << KEY_BITS | late << 18 | min(count, 0xFF) << 10 | low & 0x3FF


def as_dict(summary: Summary) -> dict[str, Any]:
    """Convert a summary to the JSON object returned by the API."""
    return msgspec.structs.asdict(summary)
