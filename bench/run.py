"""Measures ccsproxy beside direct, nginx, aiohttp (and mitmproxy when installed) in interleaved rounds.

usage: python -m bench.run [--rounds N] [--scenario NAME]... [--peer NAME]... [--seconds S]
Prints one table per scenario and stores everything in bench/results/.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import trustme

from bench.proxies import HERE, Peer, free_port, load, nginx_conf, on_load_core, running, wait_for
from bench.tables import line, table

MB = "1000000"
UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
UPGRADE += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
#: Streams that last as long as the round: one frame every 100 ms.
SOCKETS = ["-c", "1000", "-r", "3", "-w", "4", "-G", "-u", "/v1/live?mode=ws&n=100000&ms=100"]
SOCKETS += [argument for line in UPGRADE for argument in ("-H", line)]
PACED = ["-c", "1000", "-r", "3", "-w", "4", "-b", "1000", "-m", "mode=paced&n=30&ms=100"]
#: name: (load arguments, paced, https upstream)
SCENARIOS = {
    "paced": (PACED, True, False),
    "websocket": (SOCKETS, True, False),
    "json": (["-c", "64", "-w", "2", "-b", "1000", "-m", "mode=json&sz=1000"], False, False),
    "burst": (["-c", "32", "-w", "2", "-b", "1000", "-m", "mode=burst&n=200&w=0"], False, False),
    "up1mb": (["-c", "16", "-w", "2", "-b", MB, "-m", "mode=json&sz=1000"], False, False),
    "down1mb": (["-c", "16", "-w", "2", "-b", "1000", "-m", f"mode=json&sz={MB}"], False, False),
    "paced-tls": (PACED, True, True),
    "json-tls": (["-c", "64", "-w", "2", "-b", "1000", "-m", "mode=json&sz=1000"], False, True),
}


def build() -> None:
    (HERE / "bin").mkdir(exist_ok=True)
    for name in ("upstream", "load"):
        source, target = HERE / f"{name}.c", HERE / "bin" / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["gcc", "-O2", "-o", target, source], check=True)


def certificate(directory: Path) -> tuple[Path, Path, Path]:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    ca, cert, key = directory / "ca.pem", directory / "cert.pem", directory / "key.pem"
    authority.cert_pem.write_to_path(str(ca))
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    return ca, cert, key


def measure(peer: Peer, arguments: list[str], seconds: float, paced: bool) -> dict:
    with peer.up() as usage:
        before = usage.cpu()
        result = load(peer.port, [*arguments, "-d", str(seconds)], paced)
        after = usage.cpu()
        done = result["total_requests"] or result["events"] or 1
        for name in before:
            result[f"{name}_ms_per_request"] = 1000 * (after[name] - before[name]) / done
        result |= usage.memory()
    return result


def rounds_of(scenario: str, peers: list[str], rounds: int, seconds: float, directory: Path) -> dict[str, list[dict]]:
    arguments, paced, tls = SCENARIOS[scenario]
    upstream, front = free_port(), free_port()
    ca, cert, key = certificate(directory)
    results: dict[str, list[dict]] = {name: [] for name in peers if not (tls and name == "direct")}
    conf = nginx_conf(directory / "front", front, upstream, tls_front=(cert, key))
    front_command = ["taskset", "-c", "0", "nginx", "-c", str(conf), "-g", "daemon off;"] if tls else ["sleep", "1d"]
    with (
        running([*on_load_core(paced), str(HERE / "bin/upstream"), str(upstream)], directory / "upstream.log"),
        running(front_command, directory / "front.log"),
    ):
        target = front if tls else upstream
        wait_for(target)
        for number in range(rounds):
            for name in results:
                peer = Peer(name, directory / f"{name}-{number}", target, tls=tls, ca=ca if tls else None)
                results[name].append(measure(peer, arguments, seconds, paced))
                print(f"  {scenario} round {number + 1} {name}: {line(results[name][-1])}", flush=True)
                shutil.rmtree(peer.dir, ignore_errors=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--peer", action="append")
    args = parser.parse_args()
    peers = args.peer or [
        "direct",
        "nginx",
        "aiohttp",
        "ccsproxy",
        *(["mitmproxy"] if shutil.which("mitmdump") else []),
    ]
    build()
    stored, tables = {}, []
    with tempfile.TemporaryDirectory(prefix="ccsproxy-bench-") as name:
        for scenario in args.scenario or list(SCENARIOS):
            stored[scenario] = rounds_of(scenario, peers, args.rounds, args.seconds, Path(name))
            tables.append(table(scenario, stored[scenario]))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report = f"{args.rounds} interleaved rounds of {args.seconds:.0f} s, medians [range]; {machine}\n\n" + "\n".join(
        tables
    )
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
    (results / f"{stamp}.json").write_text(json.dumps(stored))
    (results / f"{stamp}.md").write_text(report)
    print(report)


if __name__ == "__main__":
    main()
