"""A million calls in the engines of the hub: ``python -m bench.hub FOLDER [--calls N]``; p50 and p99 of questions.

Real records are shipped, then multiplied inside the engine: other ids, sessions, times, hosts. What is asked goes
through the reader that pages and API use. Needs chdb and DuckDB.
"""

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import duckdb
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.engine.clickhouse import ClickHouseEngine
from ccsproxy.store.engine.objects import ObjectsEngine
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.segments.segment import segment_name
from ccsproxy.store.state.shipments import Position, Shipment
from test.engines.clickhouse import ClickHouse
from test.ship.segments import Segments
from test.store.corpus import Corpus, Shape

#: How many real records are shipped, and what a copy is moved by: a day and some, in the bits of order keys.
REAL = 5000
_MOVED = (3_600_000 * 25) << 21
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
    made = _write(segments)
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
        for line in _asked(EngineReader(engine), made):
            print(json.dumps({"engine": name, **line}), flush=True)
        end()


def _write(segments: Segments) -> list[dict[str, Any]]:
    made = [
        {**each, "labels": {"host": "h", "user": f"u{n % 50}"}} for n, each in enumerate(Corpus(_SHAPE).records(REAL))
    ]
    name = segment_name(1_796_032_800.0, b"\0\0\0\1")
    segments.begin(name)
    segments.append(name, *map(codec.encode, made))
    segments.close(name)
    return made


def _objects(folder: Path, segments: Segments, copies: int) -> Any:
    lake = folder / "lake"
    around = TargetContext(
        None, ship_address(f"file://{lake.absolute()}"), Credentials(), "h", str(segments.data_dir)
    )
    batch = RecordSource(segments.data_dir, "h").next(Shipment("t"), BatchLimits(), True, whole=True)
    ObjectTarget(around)._send(batch)  # type: ignore[arg-type]
    one = next(path for path in lake.glob("*/*/*.parquet") if "texts" not in path.name)
    texts = next(lake.glob("*/*/*.texts.parquet"))
    for n in range(1, copies):
        moved = f"key + {n * _MOVED} AS key, session_id || '-{n}' AS session_id"
        day = lake / f"dt=2026-12-{n % 28 + 1:02}" / "host=h"
        day.mkdir(parents=True, exist_ok=True)
        duckdb.sql(
            f"COPY (SELECT * REPLACE ({moved}, id || '{n}' AS id, started_at + INTERVAL {25 * n} HOUR AS started_at) "
            f"FROM '{one}') TO '{day}/c{n}.parquet' (COMPRESSION zstd)"
        )
        duckdb.sql(
            f"COPY (SELECT * REPLACE ({moved}, hash || '{n}' AS hash, text || ' w{n}' AS text) FROM '{texts}') "
            f"TO '{day}/c{n}.texts.parquet' (COMPRESSION zstd)"
        )
    return ObjectsEngine(lake), lambda: None


def _clickhouse(folder: Path, segments: Segments, copies: int) -> Any:
    server = ClickHouse((folder / "clickhouse").absolute())
    address = ship_address(f"clickhouse+http://127.0.0.1:{server.start()}/llm?ttl_days=0")
    target = ClickHouseTarget(TargetContext(reactor, address, Credentials(), "h", str(segments.data_dir)))
    pump = Pump(reactor, "t", target, RecordSource(segments.data_dir, "h"), Ledger(segments.data_dir))
    reactor.callWhenRunning(lambda: ensureDeferred(pump.run(Position(), until="9")).addBoth(lambda _: reactor.stop()))
    reactor.run()
    for first in range(1, copies, 20):
        for statement in _multiplied(first, min(first + 20, copies)):
            server.ask(statement + " SETTINGS max_partitions_per_insert_block = 0, insert_deduplicate = 0")
    return ClickHouseEngine(address, {}), server.kill


def _multiplied(first: int, end: int) -> list[str]:
    """Write the statements that add some copies of the real rows."""
    numbers = f"(SELECT arrayJoin(range({first}, {end})) AS n) AS c"
    moved = f"key + n * {_MOVED} AS key, concat(session_id, '-', toString(n)) AS session_id"
    later = "started_at + toIntervalHour(25 * n) AS started_at"
    other = "toFixedString(substring(concat(toString(n), 'x', hash), 1, 32), 32) AS hash"
    changes = {
        "exchanges": f"{moved}, {later}, concat(id, toString(n)) AS id",
        "exchange_messages": f"{moved}, {later}, {other}",
        "messages": f"{other}, concat(text, ' w', toString(n)) AS text",
    }
    real = dict.fromkeys(changes, "NOT position(session_id, '-') > 0")
    real["messages"] = "NOT position(toString(hash), 'x') > 0"
    return [
        f"INSERT INTO llm.{name} SELECT * EXCEPT n FROM (SELECT * REPLACE ({change}) FROM "
        f"(SELECT * FROM llm.{name} WHERE {real[name]}) AS e CROSS JOIN {numbers})"
        for name, change in changes.items()
    ]


def _asked(reader: EngineReader, made: list[dict[str, Any]]) -> Any:
    chance = random.Random(1)
    words = [word for each in chance.choices(made, k=200) for word in _words(each)]
    cursor = reader.requests(parse_query({"limit": "100"})).before or "0"
    questions = {
        "page": lambda: reader.requests(parse_query({"limit": "100"})),
        "further page": lambda: reader.requests(parse_query({"limit": "100", "before": cursor})),
        "filter": lambda: reader.requests(parse_query({"q": "tool:bash out:>100", "limit": "100"})),
        "one person's": lambda: reader.requests(parse_query({"cwd": made[0]["client"]["cwd"], "limit": "100"})),
        "search": lambda: reader.requests(parse_query({"q": chance.choice(words), "limit": "100"})),
        "session": lambda: reader.session(chance.choice(made)["session_id"]),
        "sessions": lambda: reader.sessions(SessionQuery(limit=50)),
        "stats": reader.stats,
    }
    yield {"question": "calls", "count": reader.totals(parse_query({}))["requests"]}
    for name, ask in questions.items():
        times = []
        for _ in range(20):
            begun = time.monotonic()
            ask()
            times.append((time.monotonic() - begun) * 1000)
        times.sort()
        yield {"question": name, "p50_ms": round(times[9], 1), "p99_ms": round(times[-1], 1)}


def _words(record: dict[str, Any]) -> list[str]:
    content = record["request"]["body"]["messages"][-1]["content"][0]
    return [word for word in str(content.get("text") or content.get("content")).split() if len(word) > 8]


if __name__ == "__main__":
    main()
