"""``ccsproxy diff``: the differences between two requests, of the same session or not."""

import argparse
from typing import Any, TextIO

from ccsproxy.store.reader.reader import NotKept
from ccsproxy.tools.answers.answering import examples, kept, one_call, open_insights
from ccsproxy.tools.columns import cut
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint, printable

NAME = "diff"
SUMMARY = "Show what differs between two requests, of any sessions."

_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("a", metavar="SESSION/SEQ", help="the earlier one")
    parser.add_argument("b", metavar="SESSION/SEQ", help="the later one")
    parser.add_argument("--brief", action="store_true", help="only name what differs, without showing the lines")
    add_data_dir(parser)
    add_source(parser)
    examples(parser, "ccsproxy diff 8231d7cf/26 8231d7cf/27", "ccsproxy diff --brief 8231d7cf/3 1f9b22aa/2")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the differences in the order of the prompt; exit status 0 if there are none, 1 otherwise, like diff."""
    reader, insights = open_insights(args)
    try:
        found = insights.diff(one_call(reader, args.a), one_call(reader, args.b))
    except NotKept as error:
        raise kept(error) from None
    if args.json:
        write_json(out, found)
    else:
        _write(found, args, out)
    return 0 if found["same"] else 1


def _write(found: dict[str, Any], args: argparse.Namespace, out: TextIO) -> None:
    paint = Paint(out)
    for each in found["settings"]:
        before, after = (printable(each[name])[:200] for name in ("before", "after"))
        out.write(f"{paint(printable(each['name']), 'bold')}: {before} → {after}\n")
    for change in found["changes"]:
        name = f" {printable(change['name'])}" if change["name"] else ""
        out.write(paint(f"{change['kind']} {change['place']}{name}", "bold") + "\n")
        for line in () if args.brief else change["lines"]:
            # On a terminal one line per line of the prompt, which may have thousands of characters; a pipe gets
            # everything.
            text = cut(printable(line), paint.width - 2) if out.isatty() else printable(line)
            out.write("  " + (paint(text, _COLOURS[text[0]]) if text[:1] in _COLOURS else text) + "\n")
    if found["left_out"]:
        out.write(f"{found['left_out']} further changes were omitted.\n")
    if found["same"]:
        out.write("The requests are the same.\n")
