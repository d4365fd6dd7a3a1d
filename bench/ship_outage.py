"""A target that is down while calls come in, and comes back: ``python -m bench.ship_outage [--rate R]``.

Plays the calls of a team (`bench.team_day`) at a rate to a whole service: in turns without a target and with one at
whose port nobody listens, then with the target back while calls go on. Prints what a call cost relay and recorder in
either case, how far health said that the target was behind, and how fast that was made up for.
"""

import argparse
import http.client
import json
import multiprocessing
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.ship_catchup import receive
from bench.team_day import Team

UPSTREAM = """
from twisted.internet import reactor
from twisted.web.server import Site
from ccsproxy.demo.upstream import MockUpstream
port = reactor.listenTCP(0, Site(MockUpstream(reactor)), interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
"""
#: Which of the service's processes is which, by its command line; the relay is the one that was started.
PARTS = {"recorder": b"ccsproxy.capture.main", "shipper": b"ccsproxy.ship.process"}


class Service:
    """One ccsproxy before a mock upstream.

    :param target: port of the target, 0 for none.
    """

    def __init__(self, folder: Path, upstream: int, target: int, kind: str) -> None:
        self.proxy, self.api = _free_port(), _free_port()
        ship = ["--ship", f"{kind}+http://127.0.0.1:{target}/llm"] if target else []
        ports = ["--proxy-port", str(self.proxy), "--api-port", str(self.api), "--api-users", "any"]
        command = [
            sys.executable,
            str(Path(sys.executable).with_name("ccsproxy")),
            "serve",
            "--no-open",
            *ports,
            *ship,
        ]
        self._process = subprocess.Popen(
            [*command, "--upstream", f"anthropic=http://127.0.0.1:{upstream}", "--data-dir", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not self._answers():
            time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def seconds(self) -> dict[str, float]:
        """Return the processor seconds of its processes so far."""
        found = {"relay": _seconds(self._process.pid)}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if _parent(folder) != self._process.pid:
                    continue
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            for part, words in PARTS.items():
                if words in line:
                    found[part] = _seconds(int(folder.name))
        return found

    def health(self) -> Any:
        """Return what it says of itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=20)
        connection.request("GET", "/api/health")
        return json.loads(connection.getresponse().read())

    def play(self, bodies: list[bytes], rate: float, seconds: float) -> list[float]:
        """Call it at a rate; return how long each call took."""
        took: list[float] = []
        begun, threads = time.monotonic(), []
        for number in range(int(rate * seconds)):
            time.sleep(max(begun + number / rate - time.monotonic(), 0))
            body = bodies[number % len(bodies)]
            threads.append(threading.Thread(target=self._call, args=(body, took)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return took

    def _call(self, body: bytes, took: list[float]) -> None:
        connection, begun = http.client.HTTPConnection("127.0.0.1", self.proxy, timeout=60), time.monotonic()
        connection.request("POST", "/v1/messages", body, {"Content-Type": "application/json", "x-api-key": "x"})
        connection.getresponse().read()
        took.append(time.monotonic() - begun)

    def _answers(self) -> bool:
        try:
            return bool(self.health())
        except OSError:
            return False


def main() -> None:
    """Play the parts one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--kind", choices=("clickhouse", "otlp", "jsonl"), default="clickhouse")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ccsproxy-outage-"))
    bodies = [msgspec.json.encode(each.request.body) for each in Team(15).day(20, 20)]
    print(f"bodies of {statistics.mean(map(len, bodies)) / 1e3:.0f} KB, {args.rate:g} a second", flush=True)
    upstream = subprocess.Popen([sys.executable, "-c", UPSTREAM], stdout=subprocess.PIPE, text=True)
    assert upstream.stdout is not None
    port, target = int(upstream.stdout.readline()), _free_port()
    try:
        with_none, with_dead = (Service(folder / str(n), port, n * target, args.kind) for n in (0, 1))
        for _ in range(args.turns):
            for name, service in (("without a target", with_none), ("target down", with_dead)):
                turn(name, service, bodies, args.rate, args.seconds)
        with_none.stop()
        come_back(with_dead, bodies, args.rate, target)
        with_dead.stop()
    finally:
        upstream.kill()
        shutil.rmtree(folder)


def turn(name: str, service: Service, bodies: list[bytes], rate: float, seconds: float) -> None:
    """Play one turn, wait until its records are stored, and print what each call cost."""
    before = service.seconds()
    took = service.play(bodies, rate, seconds)
    while service.health()["in_flight"] or service.health()["queue_bytes"]:
        time.sleep(0.1)
    used = {part: (after - before.get(part, 0.0)) / len(took) * 1e3 for part, after in service.seconds().items()}
    cost = ", ".join(f"{part} {ms:.2f}" for part, ms in used.items())
    print(f"{name:17} {len(took)} calls; ms of processor a call: {cost}; p50 {statistics.median(took) * 1e3:.0f} ms")


def come_back(service: Service, bodies: list[bytes], rate: float, port: int) -> None:
    """Start the target, go on calling, and print how long it takes until everything is there."""
    state = service.health()["ship"]["targets"][0]
    stored = service.health()["stored"]
    print(f"behind: {stored - state['sent']} records, {state['lag_bytes']} bytes, {state['lag_s']} s; {state}")
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs, port), daemon=True)
    receiver.start()
    ours.recv()
    player = threading.Thread(target=service.play, args=(bodies, rate, 20.0))
    player.start()
    # It may be in a pause of up to a minute: what counts is from the last moment on at which nothing had been taken.
    while True:
        begun, before = time.monotonic(), service.seconds()["shipper"]
        if service.health()["ship"]["targets"][0]["sent"] > state["sent"]:
            break
        time.sleep(0.2)
    while True:
        health = service.health()
        now = health["ship"]["targets"][0]["sent"]
        if health["stored"] - now <= rate * 3 or not player.is_alive():
            break
        time.sleep(0.1)
    took, count = time.monotonic() - begun, now - state["sent"]
    cost = (service.seconds()["shipper"] - before) / max(count, 1) * 1e3
    print(
        f"back: {count} records within {took:.1f} s, {count / took:.0f} a second while {rate:g} a second came in "
        f"({count / took / rate:.1f} times); {cost:.2f} ms of processor each"
    )
    player.join()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


def _parent(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])


if __name__ == "__main__":
    main()
