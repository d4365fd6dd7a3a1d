"""``ccsproxy stats``: calls, tokens, cost and times by upstream and model."""

import argparse
from typing import Any, TextIO

from ccsproxy.insight.query import member
from ccsproxy.insight.words import tokens
from ccsproxy.providers.amounts import lacking, total
from ccsproxy.store.query import parse_time
from ccsproxy.tools.asking import moment, open_reader
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import duration, number, table

NAME = "stats"
SUMMARY = "Show totals of what was recorded, by upstream and model."

_HEADINGS = [
    "UPSTREAM",
    "MODEL",
    "CALLS",
    "ERRORS",
    "SENT",
    "CACHED",
    "OUT",
    "COST",
    "TTFT p50",
    "TTFT p95",
    "TOTAL p50",
    "TOTAL p95",
]
#: Columns that are dropped first on a narrow terminal.
_SPARE = ("TTFT p95", "TOTAL p95", "TTFT p50", "TOTAL p50", "OUT", "ERRORS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--since", metavar="TIME", default="", help="2h, 3d, today, 2026-11-20 or a time")
    add_data_dir(parser)
    add_source(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the totals by upstream and model."""
    since = parse_time(moment(args.since)) if args.since else None
    found = open_reader(args).stats(since)
    if args.json:
        write_json(out, found)
        return 0
    rows = [_HEADINGS]
    rows += [_row(str(each["upstream"]), str(each["model"] or "-"), each) for each in found["models"]]
    rows.append(_row("total", "", found["totals"]))
    table(rows, out, _SPARE)
    if note := lacking(found["totals"]["unpriced"], found["totals"]["unpriced_models"]):
        out.write(f"The cost lacks {note}; see: ccsproxy why SESSION/SEQ, ccsproxy prices MODEL\n")
    return 0


def _row(upstream: str, model: str, group: dict[str, Any]) -> list[str]:
    # The complete prompt: its uncached part alone says little about what was sent.
    prompt, read, out = (
        member(group, "prompt_tokens"),
        group.get("cache_read_input_tokens"),
        group.get("output_tokens"),
    )
    return [
        upstream,
        model,
        number(group["requests"]),
        number(group["errors"]),
        "-" if prompt is None else tokens(prompt),
        f"{read / prompt:.0%}" if prompt and read is not None else "-",
        "-" if out is None else tokens(out),
        total(group.get("cost"), group.get("unpriced"), "-"),
        duration(group["ttft_p50_ms"]),
        duration(group["ttft_p95_ms"]),
        duration(group["duration_p50_ms"]),
        duration(group["duration_p95_ms"]),
    ]
