"""``ccsproxy down``: stops the background service after its running streams have ended."""

import argparse
import os
from pathlib import Path
from typing import TextIO

from ccsproxy.launch.background import Background
from ccsproxy.launch.leases import holders
from ccsproxy.launch.user_unit import UserUnit, unit_path
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json

NAME = "down"
SUMMARY = "Stop the background service, after its running streams have ended."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument(
        "--systemd", action="store_true", help="also remove the unit that 'ccsproxy up --systemd' made"
    )
    parser.add_argument("--force", action="store_true", help="even while agents are using it")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Stop the service; exit status 1 if none is running."""
    data_dir = Path(args.data_dir).expanduser().absolute()
    if not data_dir.is_dir():
        raise CommandError(f"No ccsproxy runs on {data_dir}.")
    users = holders(data_dir)
    # Otherwise each of their next calls would fail: they were directed to this service when they started.
    if users and not args.force:
        raise CommandError(f"{users} agent{'s' * (users != 1)} still use it; end them first, or use --force.")
    removed = args.systemd and UserUnit(unit_path(os.environ, Path.home())).remove()
    stopped = Background(data_dir).stop() or removed
    if args.json:
        write_json(out, {"stopped": stopped})
    elif not stopped:
        err.write(f"ccsproxy: no service runs on {data_dir}\n")
    return 0 if stopped else 1
