"""``ccsproxy status``: whether a service is running, where, for whom, and whether anything was lost."""

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.launch.background import Background
from ccsproxy.launch.health import read_health
from ccsproxy.launch.leases import UP, folder_of, holders
from ccsproxy.tools.data_dir import add_data_dir, check_readable, reported, write_json

NAME = "status"
SUMMARY = (
    "Report whether the service is running, where, for whom, and whether anything was lost. Exit status 1 if none is."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Report what is running, and for whom."""
    data_dir = Path(args.data_dir).expanduser().absolute()
    check_readable(data_dir)
    found = Background(data_dir).running() if data_dir.is_dir() else None
    if found is None:
        out.write(
            '{"running": false}\n'
            if args.json
            else f"no service is running on {data_dir}; 'ccsproxy up' starts one\n"
        )
        return 1
    health = read_health(found, data_dir)
    agents, stays = holders(data_dir), (folder_of(data_dir) / UP).exists()
    if args.json:
        write_json(out, {"running": True, **found, "agents": agents, "stays": stays, "health": health})
        return 0
    out.write(f"proxy: {found['proxy'][0]}   dashboard: {(found['api'] or ['none'])[0]}\n")
    until = "until 'ccsproxy down'" if stays else "until its last agent ends" if agents else "as it was started"
    out.write(f"version {found['version']}, process {found['pid']}, {agents} agents, stays {until}\n")
    out.write(_kept(health) + "\n")
    return 0


def _kept(health: Mapping[str, Any]) -> str:
    if not health:
        return "its health is unknown: the API does not respond"
    dropped = sum((health.get("dropped") or {}).values())
    lost = f"{dropped} were dropped" if dropped else "nothing was dropped"
    # An older version's health may lack some members.
    kept = "{accepted} exchanges accepted, {stored} stored, {in_flight} running".format_map(defaultdict(str, health))
    return f"{kept}; {lost}; store {health.get('store')}"
