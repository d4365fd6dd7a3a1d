"""``ccsproxy ls``: the newest requests, or the sessions."""

import argparse
from typing import TextIO

from ccsproxy.providers.amounts import lacking, total
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.tools.asking import add_filters, open_reader, query_of
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.printing import Paint, heading, local_time, number, request_line, table

NAME = "ls"
SUMMARY = "List requests, newest first, or sessions."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    add_filters(parser, 30)
    parser.add_argument("--sessions", action="store_true", help="list sessions instead of requests")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the list of exchanges or sessions."""
    reader = open_reader(args)
    if args.sessions:
        return _sessions(reader.sessions(SessionQuery(limit=max(1, args.limit))), args.json, out)
    page = reader.requests(query_of(args, reader))
    if args.json:
        for item in page.items:
            write_json(out, item)
        return 0
    paint = Paint(out)
    if page.items:
        out.write(heading(paint) + "\n")
    for item in page.items:
        out.write(request_line(item, paint) + "\n")
    if page.rebuilding:
        err.write("The index is being rebuilt; older requests may be missing from this list.\n")
    return 0


def _sessions(sessions: list[dict[str, object]], as_json: bool, out: TextIO) -> int:
    if as_json:
        for each in sessions:
            write_json(out, each)
        return 0
    rows = [["SESSION", "STARTED", "REQUESTS", "IN", "OUT", "COST", "TITLE"]]
    for each in sessions:
        tokens = [number(each[name]) for name in ("total_input_tokens", "total_output_tokens")]  # type: ignore[arg-type]
        started = local_time(str(each["started_at"]))
        title = str(each.get("title") or "-")[:60]
        cost = total(each["cost"], each["unpriced"], "-")  # type: ignore[arg-type]
        rows.append([str(each["session_id"]), started, str(each["request_count"]), *tokens, cost, title])
    if len(rows) > 1:
        table(rows, out)
    if note := lacking(sum(each["unpriced"] for each in sessions), _unpriced_models(sessions)):  # type: ignore[misc]
        out.write(f"The costs lack {note}; see: ccsproxy prices MODEL\n")
    return 0


def _unpriced_models(sessions: list[dict[str, object]]) -> list[str]:
    return sorted({model for each in sessions for model in each["unpriced_models"]})  # type: ignore[attr-defined]
