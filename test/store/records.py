"""Small records, and what a data dir holds of them."""

from collections import Counter
from pathlib import Path
from typing import Any

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import CaptureNote, Client, Record, RecordTiming, Request, Started
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import lines, segment_pieces
from ccsproxy.store.segments.segment import list_segments


def names(number: int, session: str) -> dict[str, Any]:
    """Return what a record and its ``started`` line have in common."""
    return {
        "id": f"id{number}",
        "seq": number,
        "session_id": session,
        "started_at": "2026-11-20T10:00:00.000Z",
        "upstream": "anthropic",
        "dialect": None,
        "category": "model",
        "model": "m",
    }


def started(number: int, session: str = "s") -> Started:
    """Make the ``started`` line of an exchange."""
    return Started(**names(number, session), client=Client(), method="POST", path="/", headers={"a": "b"})


def record(number: int, session: str = "s", body: Any = None, body_bytes: int = 0) -> Record:
    """Make the record of an exchange."""
    request = Request(
        method="POST", path="/", headers={}, headers_raw=[], http_version="1.1", body=body, body_bytes=body_bytes
    )
    return Record(
        **names(number, session), request_id=None, ended_at=None, duration_ms=None, ttft_ms=None, response_model=None,
        outcome="complete", stop_reason=None, error=None, partial=False, client=Client(), usage=None,
        timing=RecordTiming(), request=request, response=None, capture=CaptureNote(),
    )  # fmt: skip


def stored(data_dir: Path) -> list[dict[str, Any]]:
    """Read every record that a data dir holds, oldest segment first."""
    found = []
    for name, _ in list_segments(data_dir):
        try:
            for line in lines(segment_pieces(Files(), data_dir, name)):
                if line.good and codec.head(line.data).event == "record":
                    found.append(codec.decode(line.data))
        except (OSError, PackedError):
            continue
    return found


def stored_ids(data_dir: Path) -> Counter[str]:
    """Count how often each record is there."""
    return Counter(found["id"] for found in stored(data_dir))
