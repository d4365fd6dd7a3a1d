"""``ccsproxy show``: shows one exchange, or a session as a conversation."""

import argparse
from collections.abc import Iterator
from typing import Any, TextIO

from ccsproxy.exchange.continuation import with_context
from ccsproxy.exports.formats import EXCHANGE
from ccsproxy.exports.session.session import SessionExtras, session_markdown
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.answering import examples
from ccsproxy.tools.asking import exchange_of, full_session, known_upstreams, open_reader, record_of
from ccsproxy.tools.data_dir import add_data_dir, reported, write_json
from ccsproxy.tools.engine_source import add_source
from ccsproxy.tools.printing import Paint
from ccsproxy.tools.records.brief import brief
from ccsproxy.tools.records.pager import paged

NAME = "show"
SUMMARY = "Show one exchange in brief (SESSION/SEQ as 'ls' shows it, or last), or a session as a conversation."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("exchange", metavar="SESSION[/SEQ]", nargs="?", default="last", help="default: last")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--full", action="store_true", help="everything, as Markdown")
    how.add_argument("--raw", action="store_true", help="the answer as it arrived, including its stream")
    add_data_dir(parser)
    add_source(parser)
    examples(
        parser,
        "ccsproxy show last",
        "ccsproxy show 8231d7cf/27 --full",
        "ccsproxy show 8231d7cf              the whole conversation, each text once",
        "ccsproxy show last --raw > stream.txt",
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print it in brief, in full, raw, or as its record; through a pager on a terminal."""
    reader = open_reader(args)
    if args.exchange != "last" and "/" not in args.exchange:
        return _session(reader, full_session(reader, args.exchange), args, out)
    record = record_of(reader, *exchange_of(reader, args.exchange))
    if args.json:
        write_json(out, record)
        return 0
    # For reading, a request that continues another one is completed with that one's input; --raw shows what was sent.
    if not args.raw:
        record = with_context(record, lambda seq: reader.record(str(record["session_id"]), seq))
    with paged(out) as stream:
        for piece in _pieces(record, args, Paint(out)):
            stream.write(piece)
    return 0


def _session(reader: Reader, sid: str, args: argparse.Namespace, out: TextIO) -> int:
    """Print a session as a conversation, each text once."""
    if args.json:
        write_json(out, Insights(reader).conversation(sid))
        return 0
    session = reader.session(sid)
    records = reader.each(sid, session["requests"])
    with paged(out) as stream:
        for piece in session_markdown(session["meta"], records, known_upstreams(args), SessionExtras(reader.price)):
            stream.write(_harmless(piece))
    return 0


def _pieces(record: dict[str, Any], args: argparse.Namespace, paint: Paint) -> Iterator[str]:
    if not args.full and not args.raw:
        for line in brief(record, paint):
            yield line + "\n"
        return
    for piece in EXCHANGE["raw" if args.raw else "md"].write(record, known_upstreams(args)):
        text = piece.decode("utf-8", "replace") if isinstance(piece, bytes) else piece
        # A file or a pipe gets what was sent, byte for byte; a terminal could be steered by it.
        yield text if args.raw and not paint.on else _harmless(text)


def _harmless(text: str) -> str:
    """Replace control characters, which could steer a terminal; line ends and tabs are kept."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
