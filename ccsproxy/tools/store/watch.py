"""``ccsproxy watch DIR``: imports Claude Code's body files as they appear, for users who want no proxy."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.store.imports.bodies import BodyImport, Numbers
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, offline_store, reported, write_json
from ccsproxy.tools.store.import_store import numbers_in, redaction

NAME = "watch"
SUMMARY = (
    "Keep importing the bodies that Claude Code writes with OTEL_LOG_RAW_API_BODIES=file:DIR and "
    "CLAUDE_CODE_ENABLE_TELEMETRY=1, until it is interrupted."
)
#: Seconds between two checks.
_LOOK = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument(
        "source", metavar="DIR", help="the directory of body files; it is only read, and may be created later"
    )
    parser.add_argument("--no-redact", action="store_true", help="keep secrets in the bodies")
    parser.add_argument("--once", action="store_true", help="look once and exit")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Import until interrupted; the store is locked only while records are added."""
    data_dir, source = Path(args.data_dir).expanduser(), Path(args.source).expanduser()
    if source.exists() and not source.is_dir():
        raise CommandError(f"{source} is not a directory.")
    with offline_store(data_dir, redact=not args.no_redact) as store:
        store.catch_up()
    watched = BodyImport(source, redaction(data_dir, redact=not args.no_redact), lambda sid: _numbers(data_dir, sid))
    already_reported = 0
    while True:
        _take(watched, data_dir, args.no_redact, lambda record: _say(out, record, as_json=args.json))
        for sentence in watched.report.skipped[already_reported:]:
            err.write(f"{sentence}\n")
        already_reported = len(watched.report.skipped)
        if args.once:
            return 0
        time.sleep(_LOOK)


def _numbers(data_dir: Path, session: str) -> Numbers:
    reader = Reader(data_dir)
    try:
        return numbers_in(reader, session)
    finally:
        reader.close()


def _take(watched: BodyImport, data_dir: Path, keep_secrets: bool, say: Callable[[dict[str, Any]], None]) -> None:
    """Add what is new; a check that finds nothing does not touch the store."""
    records = list(watched.records())
    if not records:
        return
    with offline_store(data_dir, redact=not keep_secrets) as store:
        store.add(records)
    for record in records:
        say(record)


def _say(out: TextIO, record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(out, {name: record[name] for name in ("session_id", "seq", "started_at", "model", "outcome")})
    else:
        out.write(f"{record['started_at']}  {record['session_id']}/{record['seq']}  {record['model']}\n")
    out.flush()
