"""The tables of a ClickHouse target, as SQL: created by the target, printed by ``ccsproxy ship --schema``.

`exchanges` has one row of facts per call. `messages` has each text once a day, by its hash, so that a text expires
with the last day on which it was used. `exchange_messages` lists the texts that a call adds to its session, in order:
what agents repeat in each turn is not stored again. `bodies` has complete records, and may be omitted. Repeats are
harmless: the insert's token is remembered for a while, and the order key of each table identifies a row permanently.
"""

from collections.abc import Mapping, Sequence

import attr

from ccsproxy.config.shipping import ShipAddress

#: Days for which rows are kept if the URL does not say (``ttl_days``); 0 means for ever.
TTL_DAYS = 90
#: The first version whose text index needs no experimental setting.
TEXT_INDEX_SINCE = (26, 2)
#: Default number of rows per granule: ClickHouse's own.
_GRANULE = 8192
#: The oldest supported version.
OLDEST = (24, 3)
#: A past day is merged into one part: only if there are several parts does a query have to look for duplicate rows,
#: which costs three times as much.
_MERGED = "min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1"

_ONE_OF_FEW = "LowCardinality(Nullable(String))"
_COUNT, _NUMBER, _TEXT = "Nullable(Int64)", "Nullable(Float64)", "Nullable(String)"
_MOMENT = "DateTime64(3, 'UTC')"

#: Columns of `exchanges`: origin, then the members of a summary (`ccsproxy.ship.facts`).
EXCHANGES: Mapping[str, str] = {
    "host": "LowCardinality(String)",
    "user": "LowCardinality(String)",
    "labels": "Map(LowCardinality(String), String)",
    "id": "String",
    "key": "UInt64",
    "session_id": "String",
    "seq": "Int64",
    "request_id": _TEXT,
    "started_at": _MOMENT,
    "ended_at": f"Nullable({_MOMENT})",
    "duration_ms": _NUMBER,
    "ttft_ms": _NUMBER,
    **dict.fromkeys(("upstream", "category", "method"), "LowCardinality(String)"),
    **dict.fromkeys(("dialect", "model", "response_model", "outcome", "stop_reason", "error_kind"), _ONE_OF_FEW),
    "status": "Nullable(Int32)",
    "has_error": "Bool",
    "error_message": _TEXT,
    "partial": "Bool",
    "path": "String",
    **dict.fromkeys(("client", "client_version", "cwd", "account", "unpriced", "purpose", "about"), _ONE_OF_FEW),
    **dict.fromkeys(("agent", "parent_agent", "thread"), _TEXT),
    **dict.fromkeys(
        "input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens reasoning_tokens "
        "request_bytes response_bytes".split(),
        _COUNT,
    ),
    "cost": _NUMBER,
    "tools": "Array(LowCardinality(String))",
    "preview": _TEXT,
    "schema_version": "Int32",
    "segment": "LowCardinality(String)",
    "offset": "Int64",
    "length": "Int64",
    "system_prompt": _ONE_OF_FEW,
    "tool_set": _ONE_OF_FEW,
    "secrets": "Array(String)",
    "version": "UInt64 DEFAULT 1",
    "is_deleted": "UInt8 DEFAULT 0",
}
MESSAGES: Mapping[str, str] = {
    "day": "Date",
    "hash": "FixedString(32)",
    "kind": "LowCardinality(String)",
    "text": "String CODEC(ZSTD(3))",
}
EXCHANGE_MESSAGES: Mapping[str, str] = {
    "started_at": _MOMENT,
    "host": "LowCardinality(String)",
    "session_id": "String",
    "key": "UInt64",
    "position": "UInt32",
    "kind": "LowCardinality(String)",
    "hash": "FixedString(32)",
}
BODIES: Mapping[str, str] = {
    "started_at": _MOMENT,
    "host": "LowCardinality(String)",
    "session_id": "String",
    "id": "String",
    "record": "String CODEC(ZSTD(3))",
}


@attr.frozen
class Table:
    """One table.

    :ivar columns: type by name.
    :ivar order: the order key, which identifies a row; deletions start with the last table in `TABLES`.
    :ivar moment: the column for partitioning by day and for the TTL.
    :ivar engine: the version arguments of the merge tree, which replace rows.
    :ivar indexes: additional indexes, as in the statement.
    :ivar shard: the sharding expression for a cluster.
    :ivar granule: rows read to look up one.
    """

    name: str
    columns: Mapping[str, str]
    order: str
    moment: str = "started_at"
    engine: str = ""
    indexes: Sequence[str] = ()
    shard: str = "cityHash64(session_id)"
    granule: int = _GRANULE


_SESSION = "INDEX by_session session_id TYPE bloom_filter(0.001) GRANULARITY 1"
TABLES = (
    Table(
        "messages", MESSAGES, "hash", "day", "", ("{text_index}",), "cityHash64(hash)", 1024
    ),
    Table(
        "exchange_messages", EXCHANGE_MESSAGES, "session_id, host, key, position", "started_at", "",
        ("INDEX by_hash hash TYPE bloom_filter(0.001) GRANULARITY 1",),
    ),
    Table("bodies", BODIES, "toStartOfHour(started_at), host, id", "started_at", "", (_SESSION,)),
    Table(
        "exchanges", EXCHANGES, "toStartOfHour(started_at), host, id", "started_at", "version, is_deleted",
        (_SESSION, "INDEX by_model model TYPE set(100) GRANULARITY 4"),
    ),
)  # fmt: skip


def tables(address: ShipAddress, content: bool = True) -> list[Table]:
    """Return the tables of a target.

    :param content: whether content is shipped.
    """
    bodies = content and address.options.get("bodies", "on") not in ("off", "0", "no")
    left_out = {"messages", "exchange_messages", "bodies"} if not content else set() if bodies else {"bodies"}
    return [table for table in TABLES if table.name not in left_out]


def database(address: ShipAddress) -> str:
    """Return the name of the database, quoted for SQL."""
    return quoted(address.path.strip("/") or "ccsproxy")


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """Format a text as an SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def own_table(address: ShipAddress, name: str) -> str:
    """Return the table that contains the rows: on a cluster, each server's part."""
    part = f"{name}_part" if address.options.get("cluster") else name
    return f"{database(address)}.{quoted(part)}"


def on_cluster(address: ShipAddress) -> str:
    """Return the clause that makes every server of the cluster execute a statement, empty without a cluster."""
    cluster = address.options.get("cluster", "")
    return f" ON CLUSTER {quoted(cluster)}" if cluster else ""


def schema(address: ShipAddress, content: bool = True, version: tuple[int, int] = TEXT_INDEX_SINCE) -> list[str]:
    """Return the statements that create database and tables.

    :param version: the server's version, which determines the kind of text index.
    """
    statements = [f"CREATE DATABASE IF NOT EXISTS {database(address)}{on_cluster(address)}"]
    for table in tables(address, content):
        statements.append(_create(address, table, version))
        if address.options.get("cluster"):
            statements.append(_distributed(address, table))
    return statements


def missing_columns(address: ShipAddress, table: Table, known: Sequence[str]) -> list[str]:
    """Return the statements that upgrade a table of an earlier version.

    :param known: its existing columns.
    """
    new = [(name, kind) for name, kind in table.columns.items() if name not in known]
    own = own_table(address, table.name)
    return [f"ALTER TABLE {own}{on_cluster(address)} ADD COLUMN IF NOT EXISTS {quoted(n)} {kind}" for n, kind in new]


def upkeep(address: ShipAddress, table: Table) -> str:
    """Return the statement that sets those settings of an existing table that can still be changed."""
    return f"ALTER TABLE {own_table(address, table.name)}{on_cluster(address)} MODIFY SETTING {_MERGED}"


def _create(address: ShipAddress, table: Table, version: tuple[int, int]) -> str:
    columns = [f"    {quoted(name)} {kind}" for name, kind in table.columns.items()]
    columns += [f"    {each}".format(text_index=_text_index(version)) for each in table.indexes]
    days = int(address.options.get("ttl_days", TTL_DAYS))
    ttl = f"TTL toDateTime({table.moment}) + INTERVAL {days} DAY\n" if days else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {own_table(address, table.name)}{on_cluster(address)}\n(\n"
        + ",\n".join(columns)
        + f"\n)\nENGINE = {_engine(address, table)}\nPARTITION BY toDate({table.moment})\nORDER BY ({table.order})\n"
        + ttl
        + f"SETTINGS {_settings(address, table, days)}"
    )


def _text_index(version: tuple[int, int]) -> str:
    if version >= TEXT_INDEX_SINCE:
        return "INDEX by_word lower(text) TYPE text(tokenizer = splitByNonAlpha)"
    return "INDEX by_word lower(text) TYPE tokenbf_v1(65536, 3, 0) GRANULARITY 1"


def _engine(address: ShipAddress, table: Table) -> str:
    if not address.options.get("cluster"):
        return f"ReplacingMergeTree({table.engine})"
    place = f"/clickhouse/tables/{{shard}}/{address.path.strip('/') or 'ccsproxy'}/{table.name}"
    rest = f", {table.engine}" if table.engine else ""
    return f"ReplicatedReplacingMergeTree({literal(place)}, '{{replica}}'{rest})"


def _settings(address: ShipAddress, table: Table, days: int) -> str:
    # Without a window a token is ignored, and a repeat doubles its rows until they are merged.
    window = (
        "replicated_deduplication_window" if address.options.get("cluster") else "non_replicated_deduplication_window"
    )
    granule = f", index_granularity = {table.granule}" if table.granule != _GRANULE else ""
    return f"{window} = 10000{granule}, {_MERGED}" + (", ttl_only_drop_parts = 1" if days else "")


def _distributed(address: ShipAddress, table: Table) -> str:
    cluster, part = address.options["cluster"], own_table(address, table.name)
    names = f"{quoted(cluster)}, {database(address)}, {quoted(table.name + '_part')}, {table.shard}"
    return (
        f"CREATE TABLE IF NOT EXISTS {database(address)}.{quoted(table.name)}{on_cluster(address)} AS {part}\n"
        f"ENGINE = Distributed({names})"
    )
