"""``ccsproxy share``: writes a session as one page for others, without what identifies the user."""

import argparse
import os
from pathlib import Path
from typing import TextIO

from ccsproxy.exports.payload import encoded
from ccsproxy.exports.session.masking import Masking
from ccsproxy.exports.session.session import SessionExtras, session_page
from ccsproxy.tools.answers.answering import examples
from ccsproxy.tools.asking import full_session, open_reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, size_text, write_json
from ccsproxy.tools.engine_source import add_source

NAME = "share"
SUMMARY = (
    "Write a session as one HTML file for others, with home directories, names, addresses and account ids masked."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("session", metavar="SESSION", help="as 'ccsproxy ls --sessions' shows it, or last")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: ccsproxy-SESSION.html in this directory")
    add_data_dir(parser)
    add_source(parser)
    examples(parser, "ccsproxy share last", "ccsproxy share 8231d7cf -o refund.html")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the file, which must not exist, and report what was masked."""
    reader = open_reader(args)
    sid = full_session(reader, args.session)
    session = reader.session(sid)
    masking = Masking(reader.each(sid, session["requests"]))
    records = list(map(masking.record, reader.each(sid, session["requests"])))
    secrets = sum((record.get("capture") or {}).get("redactions") or 0 for record in records)
    meta = masking.value(session["meta"])
    page = b"".join(map(encoded, session_page(meta, iter(records), {}, SessionExtras(reader.price))))
    file = Path(args.output or f"ccsproxy-{sid[:40].replace(':', '-')}.html").expanduser()
    _write(file, page)
    if args.json:
        write_json(out, {"file": str(file), "bytes": len(page), "masked": dict(masking.counts), "secrets": secrets})
        return 0
    counts = ", ".join(f"{count} {kind}" for kind, count in masking.counts.most_common()) or "nothing"
    out.write(f"{file}  {size_text(len(page))}, {len(records)} calls\n")
    out.write(f"masked: {counts}; {secrets} secrets were replaced when they were recorded\n")
    out.write("Review it before you pass it on: what only you know to be private is still in it.\n")
    return 0


def _write(file: Path, page: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CommandError(f"{file} exists already; name another file with -o.") from None
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(page)
