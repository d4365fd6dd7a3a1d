"""``ccsproxy down``: end the service in the background; running streams are finished first."""

import argparse
from pathlib import Path
from typing import TextIO

from ccsproxy.launch.background import Background
from ccsproxy.launch.leases import holders
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json

NAME = "down"
SUMMARY = "End the service that runs in the background, after its running streams."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("--force", action="store_true", help="also while agents use it")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """End it; exit status 1 when none runs."""
    data_dir = Path(args.data_dir).expanduser().absolute()
    if not data_dir.is_dir():
        raise CommandError(f"No ccsproxy runs on {data_dir}.")
    users = holders(data_dir)
    if users and not args.force:
        raise CommandError(f"{users} agent{'s' * (users != 1)} still use it; end them first, or say --force.")
    stopped = Background(data_dir).stop()
    if args.json:
        write_json(out, {"stopped": stopped})
    elif not stopped:
        err.write(f"ccsproxy: no service runs on {data_dir}\n")
    return 0 if stopped else 1
