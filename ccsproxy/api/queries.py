"""Queries of the API to the store's reader; each call may block and runs in the reading pool."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import attr

from ccsproxy.api.answer import Refused, bad_request
from ccsproxy.exports.session.session import SessionExtras, notes_of
from ccsproxy.store.query import QueryError, parse_query, parse_time
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.unknown import unknown_values

#: The validated parameters of a URL.
Given = Mapping[str, str]


@attr.frozen
class Queries:
    """Answers from the index and the segments, as JSON values."""

    reader: Reader

    def sessions(self, given: Given) -> list[dict[str, Any]]:
        """List sessions, newest first."""
        return self.reader.sessions(_session_query(given))

    def session(self, sid: str) -> dict[str, Any] | None:
        """Return a session, or None."""
        try:
            return self.reader.session(sid)
        except NotKept:
            return None

    def requests(self, given: Given) -> dict[str, Any]:
        """List requests, newest first."""
        try:
            query = parse_query(dict(given))
            page = self.reader.requests(query)
        except QueryError as error:
            raise bad_request(str(error)) from error
        reading = list(query.question.reading) if query.question else []
        answer = {"requests": page.items, "next": page.before, "rebuilding": page.rebuilding, "reading": reading,
                  "unknown": [] if page.items else unknown_values(query, self.reader.meta())}  # fmt: skip
        return {**answer, "totals": self.reader.totals(query)} if given.get("totals") == "true" else answer

    def line(self, sid: str, seq: int) -> bytes | None:
        """Return a record as JSON, or None."""
        try:
            return self.reader.line(sid, seq)
        except NotKept as missing:
            _refuse_expired(missing)
            return None

    def record(self, sid: str, seq: int) -> dict[str, Any] | None:
        """Return a record, or None."""
        try:
            return self.reader.record(sid, seq)
        except NotKept as missing:
            _refuse_expired(missing)
            return None

    def records(self, sid: str) -> Iterator[dict[str, Any]]:
        """Iterate over a session's records; one that no longer exists is skipped."""
        # One record at a time, because a session may be larger than memory.
        return self.reader.each(sid, self.reader.session(sid)["requests"])

    def extras(self, sid: str, annotations: bool) -> SessionExtras:
        """Return what an export needs besides the records.

        :param annotations: whether to include annotations.
        """
        written = [each.as_dict() for each in self.reader.annotations()] if annotations else []
        return SessionExtras(self.reader.price, notes_of(written, sid))

    def stats(self, given: Given) -> dict[str, Any]:
        """Return requests, tokens, cost and errors by upstream and model."""
        since = given.get("since")
        return self.reader.stats(parse_time(since) if since else None)

    def meta(self) -> dict[str, Any]:
        """Return the values for the filters."""
        return self.reader.meta()


def _refuse_expired(missing: NotKept) -> None:
    if missing.expired:
        raise Refused(HTTPStatus.GONE, "expired", "This record was removed by retention.") from missing


def _session_query(given: Given) -> SessionQuery:
    since = given.get("since")
    return SessionQuery(
        upstream=_several(given, "upstream"),
        model=_several(given, "model"),
        cwd=_several(given, "cwd"),
        since=parse_time(since) if since else None,
        include_empty=given.get("include_empty") == "true",
        limit=int(given.get("limit", 100)),
        offset=int(given.get("offset", 0)),
    )


def _several(given: Given, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.get(name, "").split(",") if part.strip())
