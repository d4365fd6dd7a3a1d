"""How fast pages and API answer over a large store: ``python -m bench.pages [--records N] [--dir DIR]``.

Makes a store of agent sessions (100,000 records unless told, and one session of 1,000 calls), indexes it, starts the
service over it and prints, for each page and each call of the API, milliseconds from request to last byte (p50, p99)
and bytes. Each question is asked ``--rounds`` times, but for no longer than ``--seconds``, so that the whole ends in
some minutes whatever the machine does. 100,000 records need 2 GB of disk, freed at the end without ``--dir``; a data
dir that is given is made once, and gone on with where an earlier run was ended.
"""

import argparse
import http.client
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bench.proxies import HERE, running
from bench.usage import Usage
from ccsproxy.providers.price_book import list_price
from ccsproxy.store.index.follower import bring_up
from test.store.corpus import MODELS, Corpus, Segments, Shape, started

SHAPE = Shape(turns=12, system_words=120, turn_words=80, spacing=25.0)
LONG_SESSION = 1000
ROUNDS, SECONDS, FEWEST = 100, 6.0, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that one question is asked at most")
    parser.add_argument("--dir", type=Path, help="a data dir to use again: made when it is not there, and kept")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data_dir = args.dir or Path(tempfile.mkdtemp(prefix="ccsproxy-pages-")) / "data"
    try:
        ensure_store(data_dir, args.records)
        with service(data_dir) as (_, api):
            usage = Usage(json.loads((data_dir / "run.json").read_text())["pid"])
            asked = questions(api, data_dir).items()
            rows = [measured(api, name, ask, args.rounds, args.seconds, usage) for name, ask in asked]
    finally:
        if args.dir is None:
            shutil.rmtree(data_dir.parent)
    report(args.records, rows)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


def ensure_store(data_dir: Path, count: int) -> None:
    """Make a store unless it is there; ``bench.json`` in it names the long session and some words."""
    if not (data_dir / "bench.json").exists():
        shutil.rmtree(data_dir, ignore_errors=True)
        write_records(data_dir, count)
    begun = time.monotonic()
    # Goes on where an earlier run left off; of an index that is whole there is nothing to do.
    bring_up(data_dir, list_price)
    print(f"indexed in {time.monotonic() - begun:.0f} s", flush=True)


def write_records(data_dir: Path, count: int) -> None:
    """Write the records of a store that is to be indexed yet."""
    data_dir.mkdir(mode=0o700, parents=True)
    segments, corpus = Segments(data_dir), Corpus(SHAPE)
    long = ""
    for number, record in enumerate(corpus.records(count - LONG_SESSION)):
        segments.write(started(record), record)
        if number == count // 2:
            for turn in corpus.session(LONG_SESSION):
                segments.write(started(turn), turn)
                long = turn["session_id"]
    facts = {"long": long, "frequent": corpus._words[:40], "rare": corpus._words[-400:]}
    (data_dir / "bench.json").write_text(json.dumps(facts))


@contextmanager
def service(data_dir: Path, *options: str, before: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """Run the service over a data dir; yields the ports of proxy and API.

    :param before: what the command begins with, such as ``taskset``.
    """
    command = [*before, sys.executable, "-m", "ccsproxy.tools", "serve", "--no-open", "--data-dir", str(data_dir)]
    # The records of the store are as old as its generator makes them.
    command += ["--retain-days", "0", "--retain-size", "0"]
    command += ["--proxy-port", "0", "--api-port", "0", *(options or ["--upstream", "http://127.0.0.1:9"])]
    env = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    run_file = data_dir / "run.json"
    run_file.unlink(missing_ok=True)
    with running(command, data_dir / "bench.log", env=env, cwd=data_dir):
        for _ in range(600):
            if run_file.exists():
                break
            time.sleep(0.05)
        said = json.loads(run_file.read_text())
        proxy, api = (int(said[name][0].rstrip("/").rpartition(":")[2]) for name in ("proxy", "api"))
        yield proxy, api


def get(connection: http.client.HTTPConnection, path: str) -> tuple[float, int, int]:
    """Fetch a path whole.

    :return: milliseconds, bytes, status.
    """
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    size = len(answer.read())
    return (time.perf_counter() - begun) * 1000, size, answer.status


def fetched(api: int, path: str) -> dict:
    """Return a JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", api, timeout=120)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def questions(api: int, data_dir: Path) -> dict[str, Callable[[], str]]:
    """Return what is asked: functions that choose an address each time."""
    dice = random.Random(5)
    facts = json.loads((data_dir / "bench.json").read_text())
    newest = fetched(api, "/api/requests?limit=500")["requests"]
    sample = [(item["session_id"], item["seq"]) for item in newest]
    pairs = [(sid, seq) for sid, seq in sample if seq > 1]
    long, last = facts["long"], LONG_SESSION

    def where(root: str, **query: str) -> str:
        return f"{root}?{urlencode(query)}"

    def one() -> str:
        return "/".join(map(str, dice.choice(sample)))

    def two() -> str:
        sid, seq = dice.choice(pairs)
        return f"/diff/{sid}/{seq - 1}/{seq}"

    return {
        "page: first": lambda: "/",
        "page: calls": lambda: "/calls",
        "page: calls by cost": lambda: where("/calls", q="sort:-cost"),
        "page: filter by model": lambda: where("/calls", model=dice.choice(MODELS)),
        "page: filter by outcome": lambda: where("/calls", outcome="http_error"),
        "page: search, frequent word": lambda: where("/calls", q=dice.choice(facts["frequent"])),
        "page: search, rare word": lambda: where("/calls", q=dice.choice(facts["rare"])),
        "page: search and filter": lambda: where(
            "/calls", q=dice.choice(facts["frequent"]), model=dice.choice(MODELS)
        ),
        "page: a call beside": lambda: f"/x/{one()}?part=beside",
        "page: one exchange": lambda: f"/x/{one()}",
        "page: its request": lambda: f"/x/{one()}?view=request",
        "page: call 1,000 of 1,000": lambda: f"/x/{long}/{last}?view=request",
        "page: session of 1,000 calls": lambda: f"/s/{long}",
        "page: its end": lambda: f"/s/{long}?from=end",
        "page: its cost and context": lambda: f"/s/{long}?view=costs",
        "page: what may be new in it": lambda: f"/s/{long}?part=fresh&since={last - 2}",
        "page: difference": two,
        "page: difference, call 1,000": lambda: f"/diff/{long}/{last - 1}/{last}",
        "page: sessions": lambda: "/sessions",
        "page: sessions by cost": lambda: "/sessions?sort=-cost",
        "page: overview": lambda: "/overview?span=all",
        "page: overview, by tool": lambda: "/overview?span=all&by=tool",
        "page: sums of a search": lambda: where("/calls", q=dice.choice(facts["frequent"]), part="sums"),
        "page: prompts": lambda: "/prompts",
        "page: leaks": lambda: "/leaks",
        "api: first 100": lambda: "/api/requests",
        "api: filter": lambda: where("/api/requests", model=dice.choice(MODELS), outcome="http_error"),
        "api: search, frequent word": lambda: where("/api/requests", q=dice.choice(facts["frequent"])),
        "api: search, rare word": lambda: where("/api/requests", q=dice.choice(facts["rare"])),
        "api: one record": lambda: f"/api/requests/{one()}",
        "api: session of 1,000 calls": lambda: f"/api/sessions/{long}",
        "api: stats": lambda: "/api/stats",
        "api: health": lambda: "/api/health",
    }


def measured(api: int, name: str, ask: Callable[[], str], rounds: int, seconds: float, usage: Usage) -> dict:
    """Ask one question many times over one connection.

    :param usage: of the service, whose processor time says what a page costs on a machine that does much else, too.
    """
    connection = http.client.HTTPConnection("127.0.0.1", api, timeout=120)
    first, _, status = get(connection, ask())
    got, end, spent = [], time.monotonic() + seconds, usage.cpu()["cpu"]
    while status == 200 and len(got) < rounds and (len(got) < FEWEST or time.monotonic() < end):
        got.append(get(connection, ask()))
    spent = usage.cpu()["cpu"] - spent
    got = got or [(first, 0, status)]
    times = sorted(each[0] for each in got)
    row = {
        "name": name,
        "status": status,
        "first_ms": first,
        "cpu_ms": spent / len(got) * 1000,
        "rounds": len(got),
        "p50_ms": statistics.median(times),
        "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))],
        "bytes": int(statistics.median(each[1] for each in got)),
        "failed": sum(each[2] != 200 for each in got),
    }
    print(table_row(row), flush=True)
    return row


def table_row(row: dict) -> str:
    """Write a row of the table."""
    times = " | ".join(f"{row[f'{name}_ms']:.1f}" for name in ("first", "p50", "p99", "cpu"))
    return f"| {row['name']} | {times} | {row['bytes'] / 1000:.1f} | {row['rounds']} | {row['failed']} |"


def report(records: int, rows: list[dict]) -> None:
    """Print the whole table."""
    print(f"\n{records} records; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| question | first ms | p50 ms | p99 ms | processor ms | kB | asked | failed |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(table_row(row))


if __name__ == "__main__":
    main()
