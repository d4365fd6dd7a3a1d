"""Answers from memory, with the interface of `ccsproxy.api.queries.Queries`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ccsproxy.api.queries import Given
from ccsproxy.exports.session.session import SessionExtras
from test.exports.records import make_record

SID = "2026-01-02T03-04-05-678Z-0a1b2c3d"

META: dict[str, Any] = {
    "session_id": SID,
    "provider": "claude",
    "upstream": "https://api.anthropic.com",
    "proxy_port": 8787,
    "api_port": 8788,
    "started_at": "2026-01-02T03:04:05.678Z",
    "ended_at": None,
    "request_count": 2,
    "schema_version": 3,
    "cwd": "/home/me/x",
    "models": ["claude-x"],
    "title": "Fix it",
    "client": "claude-code",
    "total_input_tokens": 3,
    "total_output_tokens": None,
    "cost": None,
    "unpriced": 0,
    "unpriced_models": [],
}


def make_summary(seq: int) -> dict[str, Any]:
    """Return the summary of an exchange."""
    return {
        "seq": seq,
        "session_id": SID,
        "request_id": "req_1",
        "started_at": "2026-01-02T03:04:05.678Z",
        "duration_ms": 1250.0,
        "model": "claude-x",
        "status": 200,
        "input_tokens": 3,
        "output_tokens": None,
        "has_error": False,
        "outcome": "complete",
    }


class FakeQueries:
    """Holds one session and remembers what it was asked.

    :ivar asked: the filters of each list that was asked for.
    """

    def __init__(self, records: list[dict[str, Any]] | None = None) -> None:
        self.asked: list[dict[str, str]] = []
        given = [make_record(seq=1), make_record(seq=2)] if records is None else records
        self._records = {record["seq"]: record for record in given}

    def sessions(self, given: Given) -> list[dict[str, Any]]:
        self.asked.append(dict(given))
        return [META]

    def session(self, sid: str) -> dict[str, Any] | None:
        return {"meta": META, "requests": [make_summary(seq) for seq in self._records]} if sid == SID else None

    def requests(self, given: Given) -> dict[str, Any]:
        self.asked.append(dict(given))
        return {"requests": [make_summary(seq) for seq in self._records], "next": None}

    def line(self, sid: str, seq: int) -> bytes | None:
        record = self.record(sid, seq)
        return None if record is None else msgspec.json.encode(record)

    def record(self, sid: str, seq: int) -> dict[str, Any] | None:
        return self._records.get(seq) if sid == SID else None

    def records(self, sid: str) -> Iterator[dict[str, Any]]:
        yield from self._records.values()

    def extras(self, sid: str, annotations: bool) -> SessionExtras:
        return SessionExtras()

    def stats(self, given: Given) -> dict[str, Any]:
        self.asked.append(dict(given))
        return {"total": {"requests": 2}}

    def meta(self) -> dict[str, Any]:
        return {"models": ["claude-x"]}
