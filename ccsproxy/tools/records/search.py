"""``ccsproxy search``: finds requests that contain given words."""

import argparse
from typing import TextIO

from ccsproxy.tools.asking import add_filters, open_reader, query_of, say_nothing_matches
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint, printable, request_line

NAME = "search"
SUMMARY = "Find requests by their texts: words, or a phrase in quotes. Exit status 1 if none is found."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("text", metavar="TEXT", nargs="+", help="words that must all occur")
    add_data_dir(parser)
    add_source(parser)
    add_filters(parser, 20)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print what was found; the exit status tells whether there was anything, as with grep."""
    reader = open_reader(args)
    # A single argument keeps the user's quotation marks; from several, the shell has removed them.
    words = args.text[0] if len(args.text) == 1 else " ".join(_quoted(word) for word in args.text)
    query = query_of(args, reader, words)
    page = reader.requests(query)
    paint = Paint(out)
    for item in page.items:
        if args.json:
            write_json(out, item)
            continue
        out.write(request_line(item, paint) + "\n")
        if item.get("excerpt"):
            out.write("    " + paint(printable(item["excerpt"]), "dim") + "\n")
    if not page.items:
        say_nothing_matches(reader, query, err)
    return 0 if page.items else 1


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
