"""The summaries of a segment as a Parquet file: readable by DuckDB, ClickHouse, Spark and Athena as it is."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from arro3.core import Array, DataType, Field, Schema, Table
from arro3.io import read_json, read_parquet, write_parquet

from ccsproxy.ship.facts import columns

_NUMBERS = frozenset({"duration_ms", "ttft_ms", "cost"})
_FLAGS = frozenset({"has_error", "partial"})
_TIMES = frozenset({"started_at", "ended_at"})
_COUNTS = frozenset(
    "seq status input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens reasoning_tokens "
    "request_bytes response_bytes schema_version offset length key".split()
)
#: Maximum number of rows per row group.
_GROUP = 20_000
_COMPRESSION = "zstd(3)"


def schema() -> Schema:
    """Return the columns: those of a summary, then its origin and the location of its line."""
    return Schema([Field(name, _kind(name)) for name in columns()])


def texts_schema() -> Schema:
    """Return the columns of a file of texts."""
    numbers = {"key", "position"}
    names = ("session_id", "host", "key", "position", "kind", "hash", "text")
    return Schema([Field(name, DataType.int64() if name in numbers else DataType.string()) for name in names])


def written(rows: Iterable[dict[str, Any]], columns_of: Callable[[], Schema] = schema) -> bytes:
    """Write rows to a Parquet file.

    :param columns_of: returns its columns: those of `ccsproxy.ship.facts.facts_of`, or `texts_schema`.
    """
    lines = b"\n".join(msgspec.json.encode(row) for row in rows)
    out = io.BytesIO()
    found = read_json(io.BytesIO(lines + b"\n" if lines else b""), columns_of())
    write_parquet(found, out, compression=_COMPRESSION, max_row_group_size=_GROUP)
    return out.getvalue()


def values_in(data: bytes, column: str) -> set[str]:
    """Return the values of a text column in a file."""
    table = read_parquet(io.BytesIO(data)).read_all()
    return {str(value.as_py()) for value in table.column(column)}


def sessions_in(data: bytes) -> set[str]:
    """Return the sessions that a file names."""
    return values_in(data, "session_id")


def without_session(data: bytes, session_id: str) -> bytes:
    """Return a file without the rows of a session."""
    batches: list[Any] = []
    for batch in read_parquet(io.BytesIO(data)).read_all().to_batches():
        sessions = batch.column("session_id")
        kept = [number for number, value in enumerate(sessions) if value.as_py() != session_id]
        batches.append(batch.take(Array(kept, DataType.uint64())))
    out = io.BytesIO()
    if not batches:
        return data
    write_parquet(Table.from_batches(batches), out, compression=_COMPRESSION)
    return out.getvalue()


def _kind(name: str) -> DataType:
    if name in _NUMBERS:
        return DataType.float64()
    if name in _FLAGS:
        return DataType.bool()
    if name in _TIMES:
        return DataType.timestamp("ms", tz="UTC")
    if name in _COUNTS:
        return DataType.int64()
    if name in ("tools", "secrets"):
        return DataType.list(Field("item", DataType.string()))
    if name == "labels":
        return DataType.map(DataType.string(), DataType.string(), False)
    return DataType.string()
