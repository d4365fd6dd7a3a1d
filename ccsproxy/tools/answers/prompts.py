"""``ccsproxy prompts``: the distinct system prompts and tool sets, and what changed in one."""

import argparse
import json
from typing import Any, TextIO

from ccsproxy.insight import words
from ccsproxy.providers import amounts
from ccsproxy.store.reader.reader import NotKept
from ccsproxy.tools.answers.answering import examples, kept, open_insights
from ccsproxy.tools.asking import count
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint, local_time, printable, table

NAME = "prompts"
SUMMARY = "List the distinct system prompts and tool sets, or show one and what changed in it."

#: Columns that are dropped first on a narrow terminal; the id stays, to be copied.
_SPARE = ("IN PLACE OF", "SESSIONS", "FIRST", "TOKENS", "SENT", "LAST")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("id", metavar="ID", nargs="?", help="an id from the list, or its beginning")
    parser.add_argument("--kind", choices=("system", "tools"), help="only these")
    parser.add_argument(
        "-n", "--limit", metavar="N", type=count, default=30, help="show at most N lines (default: 30)"
    )
    add_data_dir(parser)
    add_source(parser)
    examples(
        parser, "ccsproxy prompts --kind system", "ccsproxy prompts system-1f2e3d4c    what changed, and the text"
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the list, or one prompt."""
    _, insights = open_insights(args)
    listed = [each for each in insights.prompts() if args.kind in (None, each["kind"])]
    if args.id:
        chosen = [each["id"] for each in listed if each["id"].startswith(args.id)]
        if len(chosen) != 1:
            raise CommandError(f"{len(chosen)} prompts match {args.id!r}; 'ccsproxy prompts' lists them.")
        try:
            found = insights.prompt(chosen[0])
        except NotKept as error:
            raise kept(error) from None
        write_json(out, found) if args.json else _one(found, out)
        return 0
    if args.json:
        write_json(out, listed)
    elif listed:
        table(_rows(listed[: max(args.limit, 1)]), out, _SPARE)
    else:
        err.write("No system prompt or tool set is recorded.\n")
    return 0 if listed else 1


def _rows(listed: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["ID", "FIRST", "LAST", "CALLS", "SESSIONS", "TOKENS", "SENT", "COST", "CLIENTS", "IN PLACE OF"]]
    for each in listed:
        cost = "-" if each["cost"] is None else f"~{amounts.dollars(each['cost'])}"
        counts = [f"{each['calls']:,}", f"{each['sessions']:,}", f"~{words.tokens(each['tokens'])}",
                  f"~{words.tokens(each['tokens_sent'])}", cost]  # fmt: skip
        clients = ", ".join(each["clients"][:3]) or "-"
        times = [local_time(each["first_seen"]), local_time(each["last_seen"])]
        rows.append([each["id"], *times, *counts, clients, each["previous"] or "-"])
    return rows


def _one(found: dict[str, Any], out: TextIO) -> None:
    paint = Paint(out)
    first = found["first"]
    out.write(
        f"{found['id']}, first sent by {first['session_id']}/{first['seq']}, {local_time(found['first_seen'])}\n"
    )
    if found["changes"] is not None:
        out.write(paint(f"changed against {found['previous']}:", "bold") + "\n")
        for change in found["changes"]:
            out.write(f"{change['kind']} {change['place']} {printable(change['name'] or '')}\n")
            for line in change["lines"][:80]:
                out.write(f"  {printable(line)}\n")
    out.write(paint("content:", "bold") + "\n")
    for value in found["content"]:
        text = (
            value if isinstance(value, str) else (value.get("text") or value.get("name") or json.dumps(value)[:200])
        )
        for line in str(text).splitlines():
            out.write(f"  {printable(line)}\n")
