"""``ccsproxy cost``: what was spent, by project, model, tool and more."""

import argparse
from collections.abc import Mapping
from typing import Any, TextIO

from ccsproxy.insight import words
from ccsproxy.providers.amounts import lacking, total
from ccsproxy.store.query import QueryError, parse_query
from ccsproxy.store.reader.aggregates.costs import GROUPS, OF_MANY, PARTS
from ccsproxy.tools.answers.answering import examples, open_insights
from ccsproxy.tools.asking import count, say_nothing_matches
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import table

NAME = "cost"
SUMMARY = "Show what was spent, by project, model, client, day, tool and more."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("query", metavar="QUERY", nargs="*", help="fields and words, such as model:opus since:7d")
    parser.add_argument(
        "--by", choices=(*GROUPS, *OF_MANY, *PARTS), default="project", help="what to group by (default: project)"
    )
    parser.add_argument(
        "-n", "--limit", metavar="N", type=count, default=30, help="show at most N lines (default: 30)"
    )
    add_data_dir(parser)
    add_source(parser)
    examples(
        parser,
        "ccsproxy cost since:today                what today cost, by project",
        "ccsproxy cost --by server since:7d       which MCP server eats the context",
        "ccsproxy cost --by model client:codex    what codex spent on which model",
        "ccsproxy cost --by team --from s3://calls/team since:month    which team spent what",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print a line per group, most expensive first, and the sum."""
    reader, insights = open_insights(args)
    if args.by not in (*insights.groups, *PARTS):
        raise QueryError(f"--by {args.by} needs the calls of many people: name a target with --from URL")
    query = parse_query({"q": " ".join(args.query)})
    found = insights.costs(args.by, query)
    if args.json:
        write_json(out, found)
        return 0
    if not found["rows"]:
        say_nothing_matches(reader, query, err)
        return 1
    rows = _part_rows(found, args) if args.by in PARTS else _rows(found, args)
    table(rows, out, ("OUT", "ERRORS", "CACHED"))
    _notes(found, args, out)
    return 0


def _rows(found: dict[str, Any], args: argparse.Namespace) -> list[list[str]]:
    rows = [[args.by.upper(), "CALLS", "ERRORS", "SENT", "CACHED", "OUT", "COST"]]
    rows += [_row(each["name"] or "(none)", each) for each in found["rows"][: max(args.limit, 1)]]
    return [*rows, _row("total", found["total"])]


def _row(name: str, each: dict[str, Any]) -> list[str]:
    read = each["cache_read_input_tokens"]
    sent = _prompt(each)
    share = f"{read / sent:.0%}" if sent and read is not None else "-"
    counts = [f"{each['requests']:,}", f"{each['errors']:,}", words.tokens(sent), share]
    return [name, *counts, words.tokens(each["output_tokens"]), total(each["cost"], each["unpriced"])]


def _prompt(sums: Mapping[str, Any]) -> int | None:
    parts = [sums[name] for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")]
    return None if parts[0] is None else sum(part or 0 for part in parts)


def _part_rows(found: dict[str, Any], args: argparse.Namespace) -> list[list[str]]:
    rows = [[args.by.upper(), "TOKENS SENT", "COST"]]
    return rows + [
        [each["name"], words.tokens(each["tokens_sent"]), f"~ {total(each['cost'], each['unpriced'])}"]
        for each in found["rows"][: max(args.limit, 1)]
    ]


def _notes(found: dict[str, Any], args: argparse.Namespace, out: TextIO) -> None:
    hidden = len(found["rows"]) - max(args.limit, 1)
    if hidden > 0:
        out.write(f"{hidden} more; --limit shows them.\n")
    if note := lacking(found["total"].get("unpriced")):
        out.write(f"The sums lack {note}; see: ccsproxy why SESSION/SEQ, ccsproxy prices MODEL\n")
    if args.by in PARTS:
        out.write("Estimates, scaled to the provider's counts; each part includes all calls that sent it again.\n")
    if found["sessions_left_out"]:
        out.write(f"{found['sessions_left_out']} cheaper sessions are left out.\n")
