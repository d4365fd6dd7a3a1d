"""``ccsproxy export``: an exchange or a session in another format."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.exports.formats import EXCHANGE, SESSION
from ccsproxy.exports.payload import encoded
from ccsproxy.exports.session.session import SessionExtras, notes_of
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.asking import exchange_of, full_session, known_upstreams, open_reader, record_of
from ccsproxy.tools.data_dir import WrongUsage, add_data_dir, reported
from ccsproxy.tools.engine_source import add_source

NAME = "export"
SUMMARY = "Write an exchange (SESSION/SEQ) or a session (SESSION) as raw HTTP, Markdown, JSON, HAR, cURL or HTML."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command: a session is one conversation, each text once."""
    parser.add_argument("what", metavar="SESSION[/SEQ]", help="what to export; last is the newest exchange")
    formats = sorted({*EXCHANGE, *SESSION})
    parser.add_argument("--format", metavar="FORMAT", choices=formats, help=f"one of {', '.join(formats)}")
    parser.add_argument("--notes", action="store_true", help="include stars, tags and notes, in Markdown and HTML")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")
    add_data_dir(parser)
    add_source(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the exchange or session in the requested format."""
    reader = open_reader(args)
    one = args.what == "last" or "/" in args.what
    formats: Any = EXCHANGE if one else SESSION
    chosen = args.format or ("json" if one and args.json else "jsonl" if args.json else "md")
    if chosen not in formats:
        kind = "an exchange" if one else "a session"
        raise WrongUsage(f"{kind.capitalize()} cannot be exported as {chosen}; choose from {', '.join(formats)}.")
    pieces = _exchange(reader, args, chosen) if one else _session(reader, args, chosen)
    if args.output:
        _to_file(Path(args.output), pieces)
    else:
        for piece in pieces:
            # A raw body may contain any bytes, but standard output takes text; --output keeps every byte.
            out.write(encoded(piece).decode("utf-8", "replace"))
    return 0


def _exchange(reader: Reader, args: argparse.Namespace, chosen: str) -> Iterator[str]:
    record = record_of(reader, *exchange_of(reader, args.what))
    return EXCHANGE[chosen].write(record, known_upstreams(args))


def _session(reader: Reader, args: argparse.Namespace, chosen: str) -> Iterator[str]:
    sid = full_session(reader, args.what)
    session = reader.session(sid)
    written = [each.as_dict() for each in reader.annotations()] if args.notes else []
    extras = SessionExtras(reader.price, notes_of(written, sid))
    return SESSION[chosen].write(
        session["meta"], reader.each(sid, session["requests"]), known_upstreams(args), extras
    )


def _to_file(path: Path, pieces: Iterator[str]) -> None:
    """Write a file that only its owner can read: it contains prompts."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(encoded(piece))
