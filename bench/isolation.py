"""Do readers move the relay? ``python -m bench.isolation [--rounds N] [--records N] [--dir DIR]``.

Measures the time to the first byte of 200 paced streams through ccsproxy, in turns without and with 20 clients that
read all the time: the first page, a record of 20 MB, full-text searches, the difference of two large turns. The whole
service, its API process too, is pinned to one core; the load and the readers share the other.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bench.pages import LONG_SESSION, ensure_store, fetched, get, service
from bench.ports import free_port, wait_for
from bench.proxies import HERE, LOAD_CORE, PROXY_CORE, load, on_load_core, running
from bench.run import build

STREAMS, READERS = 200, 20
PACED = ["-c", str(STREAMS), "-r", "2", "-w", "3", "-b", "20000", "-m", "mode=paced&n=30&ms=100"]
LARGE = 20_000_000
MEASURED = (("TTFT", "ttft_us"), ("event delay", "event_us"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--dir", type=Path, help="a data dir of bench.pages to use again, and to keep")
    args = parser.parse_args()
    build()
    data_dir = args.dir or Path(tempfile.mkdtemp(prefix="ccsproxy-isolation-")) / "data"
    try:
        ensure_store(data_dir, args.records)
        results = rounds_of(data_dir, args.rounds, args.seconds)
    finally:
        if args.dir is None:
            shutil.rmtree(data_dir.parent)
    report(results)


def rounds_of(data_dir: Path, rounds: int, seconds: float) -> dict[str, list[dict]]:
    """Measure in turns, so that what else the machine does falls on both."""
    upstream = free_port()
    results: dict[str, list[dict]] = {"alone": [], "readers": []}
    options = ["--upstream", f"mock=http://127.0.0.1:{upstream}"]
    with (
        running([*on_load_core(True), str(HERE / "bin/upstream"), str(upstream)], data_dir / "upstream.log"),
        service(data_dir, *options, before=["taskset", "-c", PROXY_CORE]) as (proxy, api),
    ):
        wait_for(upstream)
        paths = asked(data_dir, api, send_large(proxy, api))
        for number in range(rounds):
            for name, found in results.items():
                with reading(api, paths) if name == "readers" else nullcontext(dict) as told:
                    found.append(load(proxy, [*PACED, "-d", str(seconds)], True) | {"read": told()})
                print(f"round {number + 1} {name}: {line(found[-1])}", flush=True)
    return results


def send_large(proxy: int, api: int) -> str:
    """Record a request of 20 MB.

    :return: the path of its record.
    """
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * LARGE}]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=120)
    headers = {"x-mock": "mode=json&sz=1000", "content-type": "application/json", "x-session-id": "large"}
    connection.request("POST", "/v1/messages", body, headers)
    connection.getresponse().read()
    for _ in range(600):
        found = fetched(api, "/api/requests?session=large&limit=1")["requests"]
        if found and found[0]["outcome"]:
            return f"/api/requests/large/{found[0]['seq']}"
        time.sleep(0.1)
    raise SystemExit("the large record was not stored")


def asked(data_dir: Path, api: int, large: str) -> list[str]:
    """Return what the readers read."""
    facts = json.loads((data_dir / "bench.json").read_text())
    words = [*facts["frequent"][:6], *facts["rare"][:6]]
    long, last = facts["long"], LONG_SESSION
    paths = ["/", large, f"/diff/{long}/{last - 1}/{last}", f"/s/{long}", "/overview?span=all"]
    paths += [f"/s/{long}?view=costs", f"/s/{long}?part=fresh&since={last - 2}", f"/x/{long}/{last}?part=beside"]
    return [path for word in words for path in (*paths, f"/calls?q={word}", f"/api/requests?q={word}")]


@contextmanager
def reading(api: int, paths: list[str]) -> Iterator[Callable[[], dict[str, Any]]]:
    """Let the clients read; yields what tells how much was read so far."""
    context = multiprocessing.get_context("spawn")
    counts, stop = context.Array("l", [0, 0, 0]), context.Event()
    child = context.Process(target=read_all, args=(api, paths, counts, stop))
    child.start()
    time.sleep(2)
    try:
        yield lambda: dict(zip(("answers", "bytes", "failed"), counts[:], strict=True))
    finally:
        stop.set()
        child.join(60)


def read_all(api: int, paths: list[str], counts: Any, stop: Any) -> None:
    """Be all the clients: a thread each, on the core of the load."""
    import os

    os.sched_setaffinity(0, {int(LOAD_CORE)})

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", api, timeout=120)
        at = number * 3
        while not stop.is_set():
            at += 1
            try:
                _, size, status = get(connection, paths[at % len(paths)])
            except (OSError, http.client.HTTPException):
                connection.close()
                size, status = 0, 0
            with counts.get_lock():
                counts[0] += 1
                counts[1] += size
                counts[2] += status != 200

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(READERS)]
    for each in threads:
        each.start()
    stop.wait()


def line(result: dict) -> str:
    """Write one round."""
    told = ", ".join(
        f"{name} p50 {result[key]['p50'] / 1000:.2f} p99 {result[key]['p99'] / 1000:.2f} ms" for name, key in MEASURED
    )
    return f"{told}, {result['errors']} errors, {result['read']}"


def report(results: dict[str, list[dict]]) -> None:
    """Print medians and their ratio."""
    for name, key in MEASURED:
        for point in ("p50", "p99"):
            alone, readers = (statistics.median(one[key][point] / 1000 for one in each) for each in results.values())
            print(f"{name} {point}: alone {alone:.2f} ms, with readers {readers:.2f} ms, x{readers / alone:.2f}")


if __name__ == "__main__":
    main()
