"""Records as JSON: an exchange for reading, a session with one record per line."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.payload import compact, pretty


def as_json(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write the complete record, indented."""
    yield pretty(record) + "\n"


def session_jsonl(
    meta: Mapping[str, Any], records: Iterable[Mapping[str, Any]], upstreams: Upstreams, extras: Any = None
) -> Iterator[str]:
    """Write a session's records, one per line."""
    for record in records:
        yield compact(record) + "\n"
