"""``ccsproxy du``: what takes up disk space, by segment, session and dialect."""

import argparse
from typing import TextIO

import attr

from ccsproxy.store.maintenance.check import space
from ccsproxy.tools.asking import count
from ccsproxy.tools.data_dir import add_data_dir, data_dir_of, reported, size_text, write_json

NAME = "du"
SUMMARY = "Show what takes up disk space: segments, sessions, dialects."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("--limit", metavar="N", type=count, default=20, help="lines of each kind (default: 20)")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print sizes; the store may be in use."""
    found = list(space(data_dir_of(args)))
    if args.json:
        write_json(out, [attr.asdict(each) for each in found])
        return 0
    total = sum(each.size for each in found if each.what == "segment")
    out.write(f"{size_text(total)} on the disk; sessions and dialects are measured before compression\n")
    for what in ("segment", "session", "dialect"):
        for each in [each for each in found if each.what == what][: args.limit]:
            out.write(f"{size_text(each.size):>12}  {each.requests:>7} requests  {what} {each.name}\n")
    return 0
