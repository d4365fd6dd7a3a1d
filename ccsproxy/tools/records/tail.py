"""``ccsproxy tail``: requests as they end."""

import argparse
import time
from typing import TextIO

from ccsproxy.store.query import Query
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.summary import as_dict
from ccsproxy.tools.asking import full_session, open_reader
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import Paint, heading, request_line

NAME = "tail"
SUMMARY = "Show the last requests and follow what comes."

#: Seconds between two looks at the segments.
EACH = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "-n", "--lines", metavar="N", type=int, default=10, help="how many to begin with (default: 10)"
    )
    parser.add_argument("--session", metavar="SESSION", help="only this session")
    parser.add_argument("--no-follow", action="store_true", help="end after the last ones")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write lines until interrupted."""
    reader = open_reader(args)
    session = full_session(reader, args.session) if args.session else None
    following = reader.tail()
    paint = Paint(out)
    if not args.json:
        out.write(heading(paint) + "\n")
    seen = set()
    for item in reversed(_last(reader, session, args.lines)):
        seen.add(item["id"])
        _write(item, args.json, paint, out)
    while not args.no_follow:
        for summary in following.poll():
            if summary.id not in seen and session in (None, summary.session_id):
                _write(as_dict(summary), args.json, paint, out)
        time.sleep(EACH)
    return 0


def _last(reader: Reader, session: str | None, count: int) -> list[dict[str, object]]:
    if count < 1:
        return []
    page = reader.requests(Query(session=(session,) if session else (), limit=count))
    return [item for item in page.items if item["outcome"] is not None]


def _write(item: dict[str, object], as_json: bool, paint: Paint, out: TextIO) -> None:
    if as_json:
        write_json(out, item)
    else:
        out.write(request_line(item, paint) + "\n")
    out.flush()
