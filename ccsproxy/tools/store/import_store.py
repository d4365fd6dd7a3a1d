"""``ccsproxy import DIR``: imports the records of a ccs-proxy data directory, or Claude Code's body files."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import attr

from ccsproxy.redaction import Redactor
from ccsproxy.store.imports.bodies import BodyImport, Numbers
from ccsproxy.store.imports.body_files import is_body_folder
from ccsproxy.store.imports.version_1 import Imported, Json, old_records
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, offline_store, reported, write_json
from ccsproxy.tools.store.redacting import redacted, rules_of

NAME = "import"
SUMMARY = (
    "Import the records of a ccs-proxy data directory (version 1), or the bodies that Claude Code writes with "
    "OTEL_LOG_RAW_API_BODIES=file:DIR, redacted."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    parser.add_argument(
        "source", metavar="DIR", help="a ccs-proxy data directory, or a directory of body files; it is only read"
    )
    parser.add_argument("--no-redact", action="store_true", help="keep secrets in the records")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Import into a store that is not in use; records that exist already are skipped."""
    data_dir, source = Path(args.data_dir).expanduser(), Path(args.source).expanduser()
    redact = not args.no_redact
    choose = _reading(source)
    with offline_store(data_dir, redact=redact) as store:
        # The index may be behind the segments; what it lacks would be imported a second time.
        store.catch_up()
        reader = Reader(data_dir)
        try:
            records, report = choose(source, redaction(data_dir, redact=redact), reader)
            store.add(records)
        finally:
            reader.close()
    if args.json:
        write_json(out, attr.asdict(report))
    else:
        out.write(
            f"{report.records} records of {report.sessions} sessions imported, {report.known} existed already\n"
        )
    for sentence in report.skipped:
        err.write(f"{sentence}\n")
    return 0


Redact = Callable[[Json], Json]


def redaction(data_dir: Path, *, redact: bool) -> Redact:
    """Return a function that redacts a record by the rules of a data dir."""
    rules = rules_of(data_dir, [], [])
    return lambda record: redacted(record, Redactor(redact, rules))


def _reading(source: Path) -> Callable[[Path, Redact, Reader], tuple[Iterator[Json], Imported]]:
    """Detect the contents of a folder."""
    if (source / "sessions").is_dir():
        return _old
    if is_body_folder(source):
        return _bodies
    raise CommandError(
        f"{source} is neither a data dir of ccs-proxy (it has no folder named sessions) nor a folder of Claude "
        "Code's bodies (it has no *.request.json)."
    )


def _old(source: Path, redact: Redact, reader: Reader) -> tuple[Iterator[Json], Imported]:
    report = Imported()
    return old_records(source, redact, lambda each: _is_known(reader, each), report), report


def _bodies(source: Path, redact: Redact, reader: Reader) -> tuple[Iterator[Json], Imported]:
    reading = BodyImport(source, redact, lambda session: numbers_in(reader, session))
    return reading.records(), reading.report


def numbers_in(reader: Reader, session: str) -> Numbers:
    """Return the numbers and ids of a session's exchanges in the store."""
    try:
        rows = reader.session(session)["requests"]
    except NotKept:
        return Numbers()
    names = {str(row[member]) for row in rows for member in ("id", "request_id") if row.get(member)}
    return Numbers(max((row["seq"] for row in rows), default=0), names)


def _is_known(reader: Reader, record: Json) -> bool:
    """Tell whether the store has, or had, a record of that session and number."""
    try:
        reader.line(record["session_id"], record["seq"])
    except NotKept as reason:
        return reason.expired
    return True
