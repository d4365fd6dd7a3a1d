"""Sends 100,000 mixed requests through one ccsproxy and watches memory, descriptors and counts.

usage: python -m bench.soak [--requests N] [--rounds N]
Each round is keep-alive JSON, streams, connections of one request each, and streams that their clients leave.
The table shows, after each round: requests so far, resident megabytes and open descriptors of relay and recorder.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.ports import free_port, wait_for
from bench.proxies import HERE, running
from bench.run import build

CONNECTIONS = 20
#: Which part of a round's requests is of which kind: arguments for the load generator, requests in a hundred.
KINDS = [
    (["-m", "mode=json&sz=2000", "-b", "3000"], 60),
    (["-m", "mode=burst&n=40&w=0", "-b", "3000"], 30),
    (["-K", "-m", "mode=json&sz=500"], 10),
]


def send(port: int, requests: int) -> int:
    """Send one round; return how many requests that were."""
    sent = 0
    for arguments, share in KINDS:
        each = max(1, requests * share // 100 // CONNECTIONS)
        command = [str(HERE / "bin/load"), "-p", str(port), "-c", str(CONNECTIONS), "-n", str(each), "-w", "0"]
        done = subprocess.run([*command, "-d", "600", *arguments], capture_output=True, text=True, check=True)
        result = json.loads(done.stdout)
        if result["errors"]:
            raise SystemExit(f"{result['errors']} requests failed: {result}")
        sent += result["total_requests"]
    leave(port)
    return sent


def leave(port: int) -> None:
    """Begin streams and leave them all at once, by ending the process that reads them."""
    command = [str(HERE / "bin/load"), "-p", str(port), "-c", str(CONNECTIONS), "-m", "mode=paced&n=500&ms=20"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as leaving:
        time.sleep(0.5)
        leaving.kill()


def health(url: str) -> dict:
    with urllib.request.urlopen(f"{url.rstrip('/')}/api/health", timeout=30) as answer:
        return json.load(answer)


def settled(url: str) -> dict:
    """Wait until nothing is under way any more; what has been accepted is then stored or dropped."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        state = health(url)
        if state["in_flight"] == 0 and state["accepted"] == state["stored"] + sum(state["dropped"].values()):
            return state
        time.sleep(0.2)
    raise SystemExit(f"does not settle: {state}")


@contextmanager
def service(directory: Path, upstream: int) -> Iterator[tuple[psutil.Process, dict]]:
    """Run the service and yield its process and what it says of itself."""
    data = directory / "data"
    command = [sys.executable, "-m", "ccsproxy.tools", "serve", "--no-open", "--proxy-port", "0", "--api-port", "0"]
    command += ["--data-dir", str(data), "--upstream", f"mock=http://127.0.0.1:{upstream}"]
    with running(command, directory / "log", env={**os.environ, "PYTHONPATH": str(HERE.parent)}) as process:
        while not (data / "run.json").exists():
            if process.poll() is not None:
                raise SystemExit((directory / "log").read_text())
            time.sleep(0.1)
        yield psutil.Process(process.pid), json.loads((data / "run.json").read_text())


def sizes(relay: psutil.Process) -> list[tuple[str, float, int]]:
    """Return name, resident megabytes and open descriptors of the relay and of its children."""
    found = []
    for process in (relay, *relay.children()):
        words = " ".join(process.cmdline())
        name = next((n for n in ("capture", "api") if f"ccsproxy.{n}" in words), "relay")
        found.append((name, process.memory_info().rss / 1e6, process.num_fds()))
    return found


def report(requests: int, seconds: float, found: list[tuple[str, float, int]]) -> None:
    columns = "   ".join(f"{name} {rss:6.1f} MB {fds:3} fds" for name, rss, fds in sorted(found, reverse=True))
    print(f"{requests:8} requests {seconds:6.0f} s   {columns}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    build()
    upstream, total, began = free_port(), 0, time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ccsproxy-soak-") as name,
        running([str(HERE / "bin/upstream"), str(upstream)], Path(name) / "upstream.log"),
    ):
        wait_for(upstream)
        with service(Path(name), upstream) as (relay, said):
            port = int(said["proxy"][0].rpartition(":")[2])
            report(total, 0, sizes(relay))
            while total < args.requests:
                total += send(port, args.requests // args.rounds)
                state = settled(said["api"][0])
                report(total, time.monotonic() - began, sizes(relay))
            counts = {key: state[key] for key in ("accepted", "stored", "dropped", "recorder_restarts")}
            print(f"{counts}, {state['accepted'] - total} of them left by their clients")
        log = (Path(name) / "log").read_text()
        print("nothing but the banner in the log" if "Traceback" not in log else log[-3000:])


if __name__ == "__main__":
    main()
