"""``ccsproxy import DIR``: takes over the records of a ccs-proxy data dir."""

import argparse
from pathlib import Path
from typing import TextIO

import attr

from ccsproxy.redaction import Redactor
from ccsproxy.store.import_v1 import Imported, Json, old_records
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, offline_store, reported, write_json
from ccsproxy.tools.store.redacting import redacted, rules_of

NAME = "import"
SUMMARY = "Take over the records of a ccs-proxy data dir (version 1), redacted."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument("source", metavar="DIR", help="the data dir of ccs-proxy; it is only read")
    parser.add_argument("--no-redact", action="store_true", help="keep secrets that the old records hold")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Import into a store that is not in use; records that are there already are left alone."""
    data_dir, source = Path(args.data_dir).expanduser(), Path(args.source).expanduser()
    report, redact = Imported(), not args.no_redact
    if not (source / "sessions").is_dir():
        raise CommandError(f"{source} is no data dir of ccs-proxy: it has no folder named sessions.")
    with offline_store(data_dir, redact=redact) as store:
        store.catch_up()
        reader, rules = Reader(data_dir), rules_of(data_dir, [], [])
        try:
            store.add(
                old_records(
                    source,
                    lambda record: redacted(record, Redactor(redact, rules)),
                    lambda each: _is_known(reader, each),
                    report,
                )
            )
        finally:
            reader.close()
    if args.json:
        write_json(out, attr.asdict(report))
    else:
        out.write(f"{report.records} records of {report.sessions} sessions imported, {report.known} were known\n")
    for sentence in report.skipped:
        err.write(f"{sentence}\n")
    return 0


def _is_known(reader: Reader, record: Json) -> bool:
    """Tell whether the store has a record of that session and number already, or had it."""
    try:
        reader.line(record["session_id"], record["seq"])
    except NotKept as reason:
        return reason.expired
    return True
