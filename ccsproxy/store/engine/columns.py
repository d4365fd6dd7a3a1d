"""The columns of shipped summaries and texts, with their types in DuckDB.

A file of an older version lacks some, which are null then; additional columns of a newer one are not read.
"""

from collections.abc import Mapping

from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.summary import Summary

#: Members of a summary that are integers, and those that are not.
WHOLE = frozenset(
    {"seq", "status", "request_bytes", "response_bytes", "schema_version", *(name for name in SUMS if name != "cost")}
)
REAL = frozenset({"duration_ms", "ttft_ms", "cost"})
TIMES = ("started_at", "ended_at")
_FLAGS = frozenset({"has_error", "partial"})


def _kind(name: str) -> str:
    if name in WHOLE:
        return "BIGINT"
    if name in REAL:
        return "DOUBLE"
    if name in TIMES:
        return "TIMESTAMPTZ"
    if name in _FLAGS:
        return "BOOLEAN"
    return "VARCHAR[]" if name == "tools" else "VARCHAR"


#: The columns of a call (`ccsproxy.ship.facts`), and of a text that it adds to its session
#: (`ccsproxy.ship.sent_texts`).
EXCHANGES: Mapping[str, str] = {
    **{name: _kind(name) for name in Summary.__struct_fields__},
    "key": "BIGINT",
    "host": "VARCHAR",
    "user": "VARCHAR",
    "labels": "MAP(VARCHAR, VARCHAR)",
    "segment": "VARCHAR",
    "offset": "BIGINT",
    "length": "BIGINT",
    "system_prompt": "VARCHAR",
    "tool_set": "VARCHAR",
    "secrets": "VARCHAR[]",
}
TEXTS: Mapping[str, str] = {
    "session_id": "VARCHAR",
    "host": "VARCHAR",
    "key": "BIGINT",
    "hash": "VARCHAR",
    "text": "VARCHAR",
}
