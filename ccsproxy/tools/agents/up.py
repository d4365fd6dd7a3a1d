"""``ccsproxy up``: the service in the background, on the same ports each time, until ``ccsproxy down``."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.launch.background import Background
from ccsproxy.launch.leases import folder_of, stay_up
from ccsproxy.launch.user_unit import UserUnit, unit_path
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json

NAME = "up"
SUMMARY = "Start the service in the background and keep it running; options after -- are those of 'serve'."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument(
        "--systemd", action="store_true", help="as a systemd user unit, which is started at each login"
    )
    parser.add_argument(
        "options", nargs="*", metavar="-- OPTION", help="options for the service, if it has to be started"
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Start it unless it is running, and print where it is."""
    data_dir = Path(args.data_dir).expanduser().absolute()
    folder_of(data_dir)
    background = Background(data_dir, args.options)
    found = _by_systemd(background) if args.systemd else background.ensure()
    stay_up(data_dir, up=True)
    if args.json:
        write_json(out, found)
        return 0
    out.write(f"proxy: {found['proxy'][0]}\n")
    out.writelines(f"dashboard: {url}\n" for url in found["api"][:1])
    out.write("'ccsproxy claude' (codex, gemini, ...) starts an agent with it; 'ccsproxy down' stops it\n")
    return 0


def _by_systemd(background: Background) -> Mapping[str, Any]:
    """Let systemd run the service; a running one is stopped first, so that its ports are free.

    :raises NoService: if systemd cannot.
    """
    command = background.command(while_wanted=False)
    background.stop()
    UserUnit(unit_path(os.environ, Path.home())).start(command)
    return background.answering()
