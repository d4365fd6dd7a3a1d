"""``ccsproxy open``: the dashboard in the browser."""

import argparse
import webbrowser
from typing import TextIO

from ccsproxy.run import read_run_file
from ccsproxy.tools.data_dir import CommandError, add_data_dir, data_dir_of, reported, write_json

NAME = "open"
SUMMARY = "Open the running service's dashboard in the browser."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--print", action="store_true", dest="only_print", help="only write the address")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Open it, and write its address."""
    running = read_run_file(data_dir_of(args))
    if running is None:
        raise CommandError(f"No ccsproxy runs on {args.data_dir}; start one with 'ccsproxy serve'.")
    if not running.get("api"):
        raise CommandError("The running ccsproxy has no dashboard; it was started with --no-api.")
    url = running["api"][0]
    if args.json:
        write_json(out, {"url": url})
    else:
        out.write(url + "\n")
    if not args.only_print:
        webbrowser.open(url)
    return 0
