"""``ccsproxy leaks``: which kinds of secrets were sent to providers, where and how often."""

import argparse
from typing import TextIO

from ccsproxy.store.query import parse_time
from ccsproxy.tools.answers.answering import examples, open_insights
from ccsproxy.tools.asking import moment
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import local_time, short, table

NAME = "leaks"
SUMMARY = "List the kinds of secrets that requests carried to providers: where, since when, how often."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--since", metavar="TIME", default="", help="2h, 3d, today, 2026-11-20 or a time")
    add_data_dir(parser)
    add_source(parser)
    examples(parser, "ccsproxy leaks --since 7d", "ccsproxy leaks --json")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print a line per kind; exit status 1 if there is none, for scripts."""
    _, insights = open_insights(args)
    found = insights.leaks(parse_time(moment(args.since)) if args.since else None)
    if args.json:
        write_json(out, found)
    elif found:
        rows = [["KIND", "SENT TO", "SECRETS", "CALLS", "SESSIONS", "FIRST", "FIRST CALL", "LAST CALL", "WHERE"]]
        for each in found:
            places = [f"{short(each[end]['session_id'])}/{each[end]['seq']}" for end in ("first", "last")]
            where = ", ".join(place["where"] or "-" for place in each["places"][:3])
            counts = [
                str(each["secrets"]),
                str(each["calls"]),
                str(each["sessions"]),
                local_time(each["first"]["at"]),
            ]
            rows.append([each["kind"], each["upstream"], *counts, *places, where])
        table(rows, out, ("SESSIONS", "FIRST", "LAST CALL", "WHERE"))
        out.write(
            "The records contain placeholders, but the providers received the secrets: revoke and replace them.\n"
        )
    else:
        err.write("No secret is known to have been sent.\n")
    return 0 if found else 1
