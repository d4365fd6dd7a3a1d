"""A million calls in the engines of the hub: ``python -m bench.hub FOLDER [--calls N]``; p50 and p99 of questions.

Real records are shipped as objects, and multiplied there: other ids, sessions, times, hosts, people, texts.
ClickHouse is filled out of the same files. What is asked goes through the reader that pages and API use. Needs chdb
and DuckDB.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.clickhouse.schema import EXCHANGES, schema
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.engine.clickhouse import ClickHouseEngine
from ccsproxy.store.engine.objects import ObjectsEngine
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.segments.segment import segment_name
from ccsproxy.store.state.shipments import Shipment
from test.engines.clickhouse import ClickHouse
from test.ship.segments import Segments
from test.store.corpus import Corpus, Shape

#: How many real records are shipped, how many a file has, and by how much a copy is later: a million are a month.
REAL, FILE, MOVED_MS = 5000, 1000, 12_960_000
#: Machines and people of the copies.
HOSTS, PEOPLE = 20, 200
#: How often each question is asked.
TIMES = 20
#: Short texts: what is measured is the number of calls.
_SHAPE = Shape(system_words=40, turn_words=30)


def main() -> None:
    """Fill both engines and ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("duckdb", "clickhouse"), help="only this one")
    args = parser.parse_args()
    segments = Segments(args.folder / "data")
    _write(segments)
    copies = max(args.calls // REAL, 1)
    engines = {
        "duckdb": lambda: _objects(args.folder, segments, copies),
        "clickhouse": lambda: _clickhouse(args.folder, segments, copies),
    }
    for name, fill in engines.items():
        if args.engine not in (None, name):
            continue
        begun = time.monotonic()
        engine, end = fill()
        print(json.dumps({"engine": name, "filled_s": round(time.monotonic() - begun, 1)}), flush=True)
        for scope in ("", "\"user\" = 'u7'"):
            for line in _asked(engine, scope):
                print(json.dumps({"engine": name, "role": "own" if scope else "all", **line}), flush=True)
        end()


def _write(segments: Segments) -> None:
    name = segment_name(1_796_032_800.0, b"\0\0\0\1")
    segments.begin(name)
    segments.append(name, *map(codec.encode, Corpus(_SHAPE).records(REAL)))
    segments.close(name)


def _objects(folder: Path, segments: Segments, copies: int) -> Any:
    lake = _lake(folder, segments, copies)
    return ObjectsEngine(lake, kept=folder / "copy.duckdb", searched=True), lambda: None


def _lake(folder: Path, segments: Segments, copies: int) -> Path:
    """Ship the real records, and add their copies: of other hosts, people and times, in files of a thousand calls."""
    lake = folder / "lake"
    if lake.exists():
        return lake
    around = TargetContext(
        None, ship_address(f"file://{lake.absolute()}"), Credentials(), "h", str(segments.data_dir)
    )
    batch = RecordSource(segments.data_dir, "h").next(Shipment("t"), BatchLimits(), True, whole=True)
    ObjectTarget(around)._send(batch)  # type: ignore[arg-type]
    packed = next(lake.glob("*/*/*.jsonl.zst"))
    one = next(path for path in lake.glob("*/*/*.parquet") if "texts" not in path.name)
    said = next(lake.glob("*/*/*.texts.parquet"))
    duckdb.sql(
        f"CREATE TABLE calls AS SELECT *, (row_number() OVER (ORDER BY key) - 1) // {FILE} AS part FROM '{one}'"
    )
    duckdb.sql(f"CREATE TABLE texts AS SELECT t.*, part FROM '{said}' AS t JOIN calls USING (session_id, key)")
    for path in (one, said):
        path.unlink()
    for n in range(copies):
        host = f"h{n % HOSTS}"
        (aside := packed.parent.parent / f"host={host}").mkdir(exist_ok=True)
        if not (aside / packed.name).exists():
            os.link(packed, aside / packed.name)
        for part in range(-(-REAL // FILE)):
            _copy(lake, n, part, host)
    return lake


def _copy(lake: Path, n: int, part: int, host: str) -> None:
    """Write the files of a part of one copy."""
    ((least,),) = duckdb.sql(f"SELECT min(epoch_ms(started_at)) FROM calls WHERE part = {part}").fetchall()
    at = int(least) + n * MOVED_MS
    day = lake / time.strftime(f"dt=%Y-%m-%d/host={host}", time.gmtime(at / 1000))
    day.mkdir(parents=True, exist_ok=True)
    name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1000)) + f"{at % 1000:03}Z-{n:04x}{part:04x}"
    moved = f"key + {n * MOVED_MS << 21} AS key, session_id || '-{n}' AS session_id, '{host}' AS host"
    later = ", ".join(
        f"{each} + INTERVAL {n * MOVED_MS} MILLISECONDS AS {each}" for each in ("started_at", "ended_at")
    )
    who = f"(hash(session_id) + {n}) % {PEOPLE}"
    labels = f"MAP {{'user': 'u' || {who}, 'team': 't' || {who} % 8}} AS labels, 'u' || {who} AS \"user\""
    duckdb.sql(
        f"COPY (SELECT * EXCLUDE (part) REPLACE ({moved}, {later}, {labels}, id || '{n}' AS id) FROM calls "
        f"WHERE part = {part} ORDER BY key) TO '{day}/{name}.parquet' (COMPRESSION zstd)"
    )
    duckdb.sql(
        f"COPY (SELECT * EXCLUDE (part) REPLACE ({moved}, hash[:28] || lpad('{n}', 4, '0') AS hash, "
        f"text || ' w{n}' AS text) FROM texts WHERE part = {part}) TO '{day}/{name}.texts.parquet' (COMPRESSION zstd)"
    )


def _clickhouse(folder: Path, segments: Segments, copies: int) -> Any:
    """Fill the tables out of the same files, a day at a time."""
    lake = _lake(folder, segments, copies).absolute()
    server = ClickHouse((folder / "clickhouse").absolute())
    address = ship_address(f"clickhouse+http://127.0.0.1:{server.start()}/llm?ttl_days=0")
    for statement in schema(address):
        server.ask(statement)
    columns = [name for name in EXCHANGES if name not in ("version", "is_deleted")]
    listed = ", ".join(f"`{name}`" for name in columns)
    given = ", ".join(_never_null(name) for name in columns)
    began = "fromUnixTimestamp64Milli(toInt64(bitShiftRight(key, 21)), 'UTC')"
    for day in sorted(path for path in lake.glob("dt=*") if any(path.glob("*/*.parquet"))):
        calls, said = f"file('{day}/*/*Z-????????.parquet')", f"file('{day}/*/*.texts.parquet')"
        for statement in (
            f"INSERT INTO llm.exchanges ({listed}) SELECT {given} FROM {calls}",
            "INSERT INTO llm.exchange_messages (started_at, host, session_id, key, position, kind, hash) "
            f"SELECT {began}, host, session_id, key, position, kind, hash FROM {said}",
            f"INSERT INTO llm.messages SELECT toDate({began}) AS day, hash, any(kind), any(text) FROM {said} "
            "GROUP BY day, hash",
        ):
            server.ask(f"{statement} SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0")
    # As the server does by itself an hour later (see `ccsproxy.ship.clickhouse.schema`).
    for name in ("exchanges", "exchange_messages", "messages"):
        server.ask(f"OPTIMIZE TABLE llm.{name} FINAL")
    return ClickHouseEngine(address, {}), server.kill


def _never_null(name: str) -> str:
    """Write a column of a file such that the table takes it."""
    kind = EXCHANGES[name]
    return f"ifNull(`{name}`, 0)" if kind in ("UInt64", "Int64", "Int32") else f"`{name}`"


def _asked(engine: Any, scope: str) -> Iterator[dict[str, Any]]:
    """Ask each question as if nobody had before.

    :param scope: a role's condition.
    """
    reader, chance = EngineReader(engine, scope), random.Random(1)
    newest = reader.requests(parse_query({"limit": "300"}))
    sessions = [each["session_id"] for each in reader.sessions(SessionQuery(limit=50))]
    words = [word for each in newest.items for word in str(each["preview"]).split() if len(word) > 8]
    day_before = (engine.newest() >> 21) - 86_400_000
    questions: dict[str, Callable[[], object]] = {
        "page": lambda: reader.requests(parse_query({"limit": "100"})),
        "further page": lambda: reader.requests(parse_query({"limit": "100", "before": newest.before or "0"})),
        "page of a while ago": lambda: reader.requests(parse_query({"limit": "100", "until": "2026-10-02"})),
        "filter": lambda: reader.requests(parse_query({"q": "tool:bash out:>1", "limit": "100"})),
        "filter that nothing passes": lambda: reader.requests(parse_query({"q": "cost:>1000", "limit": "100"})),
        "dearest": lambda: reader.requests(parse_query({"q": "sort:-cost", "limit": "100"})),
        "search": lambda: reader.requests(parse_query({"q": chance.choice(words), "limit": "100"})),
        "search for nothing": lambda: reader.requests(parse_query({"q": f"zz{chance.random()}", "limit": "100"})),
        "session": lambda: reader.session(chance.choice(sessions)),
        "sessions": lambda: reader.sessions(SessionQuery(limit=50)),
        "stats of all time": reader.stats,
        "stats of a day": lambda: reader.stats(day_before),
        "costs by person": lambda: reader.costs(parse_query({}), "person"),
    }
    yield {"question": "calls", "count": reader.totals(parse_query({}))["requests"]}
    for name, ask in questions.items():
        times = []
        for _ in range(TIMES):
            engine._cache.clear()
            begun = time.monotonic()
            ask()
            times.append((time.monotonic() - begun) * 1000)
        times.sort()
        yield {"question": name, "p50_ms": round(times[TIMES // 2], 1), "p99_ms": round(times[-1], 1)}


if __name__ == "__main__":
    main()
