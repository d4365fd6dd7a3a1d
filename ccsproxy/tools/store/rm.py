"""``ccsproxy rm SID``: removes sessions permanently."""

import argparse
from typing import TextIO

from ccsproxy.store.control import ControlReply, ControlRequest
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.tools.asking import whole_ids
from ccsproxy.tools.data_dir import CommandError, add_data_dir, changed, data_dir_of, reported, write_json

NAME = "rm"
SUMMARY = "Remove sessions permanently: their records are removed from the segments."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("session", metavar="SID", nargs="+", help="id of a session, or its beginning")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Remove the sessions, through the service if one is running.

    :return: 0 if each existed, 1 otherwise.
    """
    sessions = whole_ids(args, args.session)

    def forget(store: OfflineStore) -> ControlReply:
        return ControlReply([*store.forget(sessions).values()])

    reply = changed(data_dir_of(args), forget, ControlRequest("forget", sessions))
    if reply.trouble:
        raise CommandError(f"Not removed everywhere yet: {reply.trouble}. The service keeps trying.")
    counts = dict(zip(sessions, reply.counts, strict=False))
    if args.json:
        write_json(out, counts)
    for session, count in counts.items():
        if not count:
            err.write(f"There is no session {session}.\n")
        elif not args.json:
            out.write(f"{session} was removed; {count} segment{'s' if count > 1 else ''} contained it\n")
    return 0 if all(counts.values()) else 1
