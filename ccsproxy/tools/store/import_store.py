"""``ccsproxy import DIR``: takes over the records of a ccs-proxy data dir."""

import argparse
from pathlib import Path
from typing import Any, TextIO

import attr

from ccsproxy.exchange.depth import nested_too_deeply
from ccsproxy.redaction import Redactor
from ccsproxy.store.import_v1 import Imported, Json, old_records
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.tools.data_dir import CommandError, add_data_dir, offline_store, reported, write_json
from ccsproxy.wire.jsontext import dumps

#: What a record says elsewhere in words that come from outside.
_SAID = ("error", "client", "model", "response_model", "stop_reason", "request_id")
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
        reader = Reader(data_dir)
        try:
            store.add(
                old_records(
                    source, lambda record: redacted(record, redact), lambda each: _is_known(reader, each), report
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


def redacted(record: Json, enabled: bool = True) -> Json:
    """Return a record without the secrets in it.

    :param enabled: false leaves them.
    """
    redactor = Redactor(enabled)
    request, response = dict(record["request"]), record["response"]
    _redact_headers(redactor, request)
    request["path"] = redactor.target(request["path"])
    if response is not None:
        response = dict(response)
        _redact_headers(redactor, response)
        if "raw_sse_text" in response:  # before the body that was made of it, see Redactor.tree
            response["raw_sse_text"] = redactor.stream(response["raw_sse_text"], "sse")
        response["body_reassembled"] = _body(redactor, response["body_reassembled"])
    request["body"] = _body(redactor, request["body"])
    said = {name: redactor.tree(record[name]) for name in _SAID}
    capture = record["capture"] | {"redactions": redactor.count}
    return record | said | {"request": request, "response": response, "capture": capture}


def _body(redactor: Redactor, body: Any) -> Any:
    """Redact a body; one that is nested too deeply for a record becomes text."""
    if isinstance(body, dict | list) and nested_too_deeply(body):
        return redactor.text(dumps(body).decode("utf-8"))
    return redactor.tree(body)


def _redact_headers(redactor: Redactor, part: dict[str, Any]) -> None:
    """Redact both forms of a head's fields."""
    pairs = redactor.headers([(name, value) for name, value in part["headers_raw"]])
    part["headers_raw"] = [list(pair) for pair in pairs]
    part["headers"] = dict(pairs)


def _is_known(reader: Reader, record: Json) -> bool:
    """Tell whether the store has a record of that session and number already, or had it."""
    try:
        reader.line(record["session_id"], record["seq"])
    except NotKept as reason:
        return reason.expired
    return True
