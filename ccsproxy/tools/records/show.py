"""``ccsproxy show``: one exchange, readable."""

import argparse
from typing import TextIO

from ccsproxy.exports.formats import EXCHANGE
from ccsproxy.tools.asking import exchange_of, known_upstreams, open_reader, record_of
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json

NAME = "show"
SUMMARY = "Show one exchange: SESSION/SEQ as 'ls' shows it, or last."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("exchange", metavar="SESSION/SEQ", nargs="?", default="last", help="default: last")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write it as Markdown, or as its record."""
    reader = open_reader(args)
    record = record_of(reader, *exchange_of(reader, args.exchange))
    if args.json:
        write_json(out, record)
        return 0
    for piece in EXCHANGE["md"].write(record, known_upstreams(args)):
        out.write(_harmless(piece))
    return 0


def _harmless(text: str) -> str:
    """Replace control characters, which could steer a terminal; line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
