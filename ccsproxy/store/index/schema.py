"""The tables of the index."""

from typing import get_args, get_type_hints

from ccsproxy.insight.facts import VERSION as FACTS_VERSION
from ccsproxy.store.index import prompt_uses
from ccsproxy.store.index.facts import blocks
from ccsproxy.store.summary import Summary

#: Counts up with every change of the tables and of the facts in them; an index of another version is rebuilt, never
#: migrated.
VERSION = 10 * 1000 + FACTS_VERSION
NAME = "index.sqlite3"

#: The columns of ``requests`` that form a `Summary`, in its order; the others locate the record.
COLUMNS = Summary.__struct_fields__
#: Those of them that have few values, which are written once in ``names``; see `ccsproxy.store.index.rows`.
NAMED = tuple(
    name
    for name, kind in get_type_hints(Summary).items()
    if name in ("status", "tools")
    or (str in (kind, *get_args(kind)) and name not in ("id", "request_id", "started_at", "ended_at", "preview"))
)
#: The columns whose rarest value may lead a query, each with an index.
LEADING = ("upstream", "model", "cwd", "client", "dialect", "category", "outcome", "status")
#: The most frequent value of some of them, by the number of its name: the index contains only the other rows.
USUAL = {"outcome": (1, "complete"), "status": (2, 200), "category": (3, "model")}
#: The sums that sessions and statistics keep; null as long as no summand was known.
SUMS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "reasoning_tokens",
    "cost",
)

_USUAL_NAMES = ", ".join(f"({number}, '{field}', {value!r})" for field, (number, value) in USUAL.items())
_SUM_COLUMNS = ", ".join(SUMS)


def _decoded(name: str) -> str:
    """Return the SQL by which the view decodes a column of ``request_rows`` to its form in `Summary`."""
    if name in NAMED:
        return f"(SELECT value FROM names WHERE names.name = row.{name}) AS {name}"  # noqa: S608
    if name == "id":
        return "CASE typeof(row.id) WHEN 'blob' THEN lower(hex(row.id)) ELSE row.id END AS id"
    if name == "started_at":
        return f"coalesce(row.started_at, {_iso('(row.key >> 21)')}) AS started_at"
    if name == "ended_at":
        ended = _iso("((row.key >> 21) + row.ended_at)")
        return f"CASE typeof(row.ended_at) WHEN 'integer' THEN {ended} ELSE row.ended_at END AS ended_at"
    return f"row.{name} AS {name}"


def _iso(milliseconds: str) -> str:
    seconds = f"strftime('%Y-%m-%dT%H:%M:%S', {milliseconds} / 1000, 'unixepoch')"
    return f"({seconds} || printf('.%03dZ', {milliseconds} % 1000))"


#: The columns of the view with the raw values of ``request_rows``: numbers of names, packed ids and times.
RAW = {name: f"raw_{name}" for name in COLUMNS if name in NAMED or name in ("id", "started_at", "ended_at")}
_VIEW = ", ".join([*map(_decoded, COLUMNS), *(f"row.{name} AS {raw}" for name, raw in RAW.items())])

SCHEMA = f"""
CREATE TABLE segments (
    segment INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, done INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0, damaged INTEGER NOT NULL DEFAULT 0);
CREATE TABLE set_aside (
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (segment, offset)) WITHOUT ROWID;
CREATE TABLE names (
    name INTEGER PRIMARY KEY AUTOINCREMENT, field TEXT NOT NULL, value NOT NULL, count INTEGER NOT NULL DEFAULT 0,
    UNIQUE (field, value));
INSERT INTO names (name, field, value) VALUES {_USUAL_NAMES};
CREATE TABLE request_rows (
    key INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    {", ".join(COLUMNS)}, facts INTEGER);
CREATE INDEX facts_due ON request_rows (key) WHERE facts IS NULL AND outcome IS NOT NULL;
CREATE VIEW requests AS
    SELECT row.key, row.segment, row.offset, row.length, row.facts, {_VIEW} FROM request_rows AS row;
CREATE TABLE tool_calls (name INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE VIEW tools AS SELECT value AS name, key FROM tool_calls JOIN names USING (name);
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY, session_id TEXT NOT NULL UNIQUE,
    started_key INTEGER NOT NULL, last_key INTEGER NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    upstream TEXT, dialect TEXT, cwd TEXT, client TEXT,
    upstreams TEXT NOT NULL DEFAULT '', models TEXT NOT NULL DEFAULT '', cwds TEXT NOT NULL DEFAULT '',
    clients TEXT NOT NULL DEFAULT '', client_version TEXT,
    title TEXT, title_rank INTEGER NOT NULL DEFAULT 0, title_key INTEGER,
    request_count INTEGER NOT NULL DEFAULT 0, in_flight INTEGER NOT NULL DEFAULT 0,
    errors INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0, unpriced_models TEXT NOT NULL DEFAULT '',
    {_SUM_COLUMNS});
CREATE INDEX sessions_by_start ON sessions (started_key);
CREATE TABLE tallies (
    span INTEGER NOT NULL, start INTEGER NOT NULL, upstream INTEGER NOT NULL, model INTEGER NOT NULL,
    cwd INTEGER NOT NULL, tally BLOB NOT NULL, PRIMARY KEY (span, start, upstream, model, cwd)) WITHOUT ROWID;
CREATE TABLE seen (
    session INTEGER NOT NULL, hash INTEGER NOT NULL, text INTEGER NOT NULL,
    PRIMARY KEY (session, hash)) WITHOUT ROWID;
CREATE TABLE links (text INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (text, key)) WITHOUT ROWID;
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL, size INTEGER NOT NULL,
    first_key INTEGER NOT NULL, last_key INTEGER NOT NULL);
{blocks.TABLES}{prompt_uses.TABLES}
PRAGMA user_version = {VERSION};
"""  # noqa: S608  (column names of our own)

#: The indexes of ``requests``, which are made when an index that is new has caught up: that is faster by far.
INDEXES = (
    "CREATE INDEX IF NOT EXISTS requests_by_seq ON request_rows (session_id, seq)",
    "CREATE INDEX IF NOT EXISTS requests_by_segment ON request_rows (segment)",
    "CREATE INDEX IF NOT EXISTS requests_running ON request_rows (key) WHERE outcome IS NULL",
    *(
        f"CREATE INDEX IF NOT EXISTS requests_by_{name} ON request_rows ({name})"
        + (f" WHERE {name} <> {USUAL[name][0]}" if name in USUAL else "")
        for name in LEADING
    ),
)
