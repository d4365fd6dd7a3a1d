"""Measures ccsproxy beside nginx, itself without capture and the rivals that are installed, in interleaved rounds.

usage: python -m bench.run [--rounds N] [--scenario NAME]... [--peer NAME]... [--seconds S] [--quick]
Prints one table per scenario and stores everything in bench/results/. Processor time includes what a proxy works off
after the load has ended; the records that it kept are counted against the requests.
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

from bench import rivals
from bench.ports import free_port, wait_for
from bench.proxies import HERE, Peer, load, nginx_conf, on_load_core, running
from bench.scenarios import SCENARIOS, USUAL, agent_file, headers_of
from bench.tables import line, table

PEERS = ("direct", "nginx", "ccsproxy-off", "ccsproxy")
#: How long a proxy may work off what waits, in seconds; what it has not done by then shows in the records.
WORK_OFF_S = 60
#: Rivals are many times slower: they are run in so many rounds at most.
RIVAL_ROUNDS = 2


def build() -> None:
    (HERE / "bin").mkdir(exist_ok=True)
    for name in ("upstream", "load"):
        source, target = HERE / f"{name}.c", HERE / "bin" / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["gcc", "-O2", "-w", "-o", target, source], check=True)


def certificate(directory: Path) -> tuple[Path, Path, Path]:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    ca, cert, key = directory / "ca.pem", directory / "cert.pem", directory / "key.pem"
    authority.cert_pem.write_to_path(str(ca))
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    return ca, cert, key


def measure(peer: Peer, arguments: list[str], paced: bool) -> dict:
    """Drive one proxy, wait until it has worked off what waited, and count what it kept."""
    with peer.up() as usage:
        before = usage.cpu()
        with usage.watched():
            result = load(peer.port, arguments, paced)
            live = usage.cpu()
            result["backlog_s"] = usage.work_off(WORK_OFF_S)
        after = usage.cpu()
        done = result["total_requests"] or result["events"] or 1
        for name in before:
            result[f"{name}_ms_per_request"] = 1000 * (after[name] - before[name]) / done
            result[f"{name}_ms_while_driven"] = 1000 * (live[name] - before[name]) / done
        result |= usage.peak
    result["kept"] = peer.kept()
    return result


def rounds_of(
    scenario: str, peers: list[str], rounds: int, seconds: float | None, directory: Path, quick: bool
) -> dict:
    given = SCENARIOS[scenario]
    upstream, front = free_port(), free_port()
    ca, cert, key = certificate(directory)
    arguments = [*headers_of(scenario), *given.arguments(agent_file(directory, quick), seconds)]
    results: dict[str, list[dict]] = {name: [] for name in peers if not (given.tls and name == "direct")}
    conf = nginx_conf(directory / "front", front, upstream, tls_front=(cert, key))
    front_command = ["taskset", "-c", "0", "nginx", "-c", str(conf), "-g", "daemon off;"]
    with (
        running([*on_load_core(given.paced), str(HERE / "bin/upstream"), str(upstream)], directory / "upstream.log"),
        running(front_command if given.tls else ["sleep", "1d"], directory / "front.log"),
    ):
        target = front if given.tls else upstream
        wait_for(target)
        for number in range(rounds):
            for name in results:
                if name in rivals.RIVALS and number >= RIVAL_ROUNDS:
                    continue
                peer = Peer(name, directory / f"{name}-{number}", target, tls=given.tls, ca=ca if given.tls else None)
                results[name].append(measure(peer, arguments, given.paced))
                print(f"  {scenario} round {number + 1} {name}: {line(results[name][-1])}", flush=True)
                shutil.rmtree(peer.dir, ignore_errors=True)
    return results


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="how long is measured, in place of each scenario's own")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument(
        "--peer", action="append", help=f"{', '.join(PEERS)}, aiohttp, mitmproxy, a rival, ccsproxy x4"
    )
    parser.add_argument("--quick", action="store_true", help="small agent calls, to try it out")
    args = parser.parse_args()
    peers = args.peer or [*PEERS, *rivals.installed()]
    build()
    stored, tables = {}, []
    with tempfile.TemporaryDirectory(prefix="ccsproxy-bench-") as name:
        for scenario in args.scenario or USUAL:
            stored[scenario] = rounds_of(scenario, peers, args.rounds, args.seconds, Path(name), args.quick)
            tables.append(table(scenario, stored[scenario]))
    report = f"{args.rounds} interleaved rounds, medians [range]; {machine()}\n\n" + "\n".join(tables)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
    (results / f"{stamp}.json").write_text(json.dumps(stored))
    (results / f"{stamp}.md").write_text(report)
    print(report)


if __name__ == "__main__":
    main()
