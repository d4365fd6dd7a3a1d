"""Receivers as the documents of the real ones describe them, in memory, for thousands of runs."""

import gzip
import random
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ccsproxy.ship.jsonl.target import TOKEN
from ccsproxy.ship.reply import Reply

_DELETE = re.compile(r"DELETE FROM `llm`\.`(\w+)` WHERE session_id = '(\w+)'")
_INSERT = re.compile(r"INSERT INTO `llm`\.`(\w+)`")


class Receiver:
    """Takes each token once, and deletes what it is told to.

    :ivar trouble: how often the way to it, or from it, is cut.
    """

    def __init__(self, kind: str, chance: random.Random) -> None:
        self.kind, self.chance, self.trouble = kind, chance, 0.0
        self.tokens: set[str] = set()
        self.rows: dict[str, list[dict[str, Any]]] = {"exchanges": []}

    def take(self, url: str, body: bytes, headers: Any) -> Reply:
        """Take what is posted."""
        if self.kind == "jsonl":
            return self._lines(headers[TOKEN], gzip.decompress(body))
        if self.kind == "otlp":
            return self._spans(url, gzip.decompress(body))
        return self._statement({k: v[-1] for k, v in parse_qs(urlsplit(url).query).items()}, body)

    def sessions(self) -> dict[str, list[int]]:
        """Return the numbers of each session in the order in which they came, each record once."""
        found: dict[str, list[int]] = {}
        for row in {row["id"]: row for row in reversed(self.rows["exchanges"])}.values():
            found.setdefault(row["session_id"], []).insert(0, row["seq"])
        return found

    def _lines(self, token: str, text: bytes) -> Reply:
        if token not in self.tokens:
            for line in map(msgspec.json.decode, text.splitlines()):
                if line.get("event") == "deleted":
                    self._delete("exchanges", line["session_id"])
                else:
                    self.rows["exchanges"].append(line)
            self.tokens.add(token)
        return Reply(200, {})

    def _spans(self, url: str, body: bytes) -> Reply:
        """Take spans as a collector does: each that is sent, also again; metrics are none of a test's of records."""
        request = ExportTraceServiceRequest()
        request.ParseFromString(body if url.endswith("/v1/traces") else b"")
        for resource in request.resource_spans:
            for span in resource.scope_spans[0].spans:
                said = {each.key: each.value for each in span.attributes}
                if "ccsproxy.record.seq" in said:
                    session, seq = said["session.id"].string_value, said["ccsproxy.record.seq"].int_value
                    self.rows["exchanges"].append({"id": span.span_id, "session_id": session, "seq": seq})
        return Reply(200, {})

    def _statement(self, asked: dict[str, str], body: bytes) -> Reply:
        statement = asked.get("query") or body.decode()
        if found := _INSERT.match(statement):
            token = asked["insert_deduplication_token"]
            if token not in self.tokens:
                self.tokens.add(token)
                rows = map(msgspec.json.decode, zstandard.ZstdDecompressor().decompress(body).splitlines())
                self.rows.setdefault(found[1], []).extend(rows)
        elif found := _DELETE.match(statement):
            self._delete(found[1], found[2])
        return Reply(200, {}, b"26.9.2.1" if "version()" in statement else b"")

    def _delete(self, table: str, session: str) -> None:
        self.rows[table] = [row for row in self.rows.get(table, []) if row["session_id"] != session]
