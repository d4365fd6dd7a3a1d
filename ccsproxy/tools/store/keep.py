"""``ccsproxy keep SID``: stars sessions, so that retention never removes them."""

import argparse
from typing import TextIO

from ccsproxy.store.state.state import State
from ccsproxy.tools.asking import whole_ids
from ccsproxy.tools.data_dir import add_data_dir, data_dir_of, reported, write_json

NAME = "keep"
SUMMARY = "Exempt sessions from retention; without ids, list those that are."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("session", metavar="SID", nargs="*", help="id of a session, or its beginning")
    parser.add_argument("--undo", action="store_true", help="subject them to retention again")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Star or unstar the sessions, or list the starred ones; the store may be in use."""
    state = State(data_dir_of(args))
    try:
        sessions = whole_ids(args, args.session, state.stars())
        (state.unstar if args.undo else state.star)(sessions)
        kept = sorted(state.stars())
    finally:
        state.close()
    if args.json:
        write_json(out, kept)
    else:
        out.write("".join(f"{session}\n" for session in kept))
    return 0
