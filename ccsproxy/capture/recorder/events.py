"""The live events of an exchange, built from redacted values."""

from typing import Any

import msgspec

from ccsproxy.capture.recorder.interfaces import Price
from ccsproxy.exchange.outcome import is_error
from ccsproxy.exchange.record import Record, Started
from ccsproxy.providers.cost import Cost
from ccsproxy.providers.resellers import priced_model

Event = dict[str, Any]


def request_started(started: Started | Record) -> Event:
    """Build the event for the start of a request.

    :param started: its announcement, or the record of one that ended before it was announced.
    """
    head = started.request if isinstance(started, Record) else started
    return {
        "type": "request_started",
        "session_id": started.session_id,
        "seq": started.seq,
        "started_at": started.started_at,
        "model": started.model,
        "upstream": started.upstream,
        "method": head.method,
        "path": head.path,
        "client": msgspec.to_builtins(started.client),
    }


def request_completed(record: Record, cost: Cost) -> Event:
    """Build the event for the end of a request whose record is stored.

    :param cost: its cost; a lower bound has ``unpriced``, which states what is missing.
    """
    usage = None if record.usage is None else msgspec.structs.replace(record.usage, raw=None)
    return {
        "type": "request_completed",
        "session_id": record.session_id,
        "seq": record.seq,
        "duration_ms": record.duration_ms,
        "ttft_ms": record.ttft_ms,
        "status": None if record.response is None else record.response.status,
        "request_id": record.request_id,
        "usage": msgspec.to_builtins(usage),
        "has_error": is_error(record.outcome, record.error.kind if record.error is not None else None),
        "outcome": record.outcome,
        "cost": cost.dollars if cost.dollars is not None else cost.at_least,
        "unpriced": cost.gap or None if cost.dollars is None else None,
    }


def price_of(record: Record, price: Price) -> Cost:
    """Return the cost of a recorded call."""
    model, url = priced_model(record.model, record.response_model), record.upstream_url or ""
    return price(model, record.usage, record.started_at, record.upstream, url)
