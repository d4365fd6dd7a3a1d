"""``ccsproxy verify``: checks the store and its index; with ``--wire``, that the proxy changes nothing."""

import argparse
from pathlib import Path
from typing import TextIO

import attr

from ccsproxy.insight.words import plural
from ccsproxy.launch.measuring.wire import WireExchange, built_in, verify_wire
from ccsproxy.launch.measuring.wire_recorded import recorded_exchanges
from ccsproxy.store.maintenance.check import CheckReport, SegmentReport, check
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.data_dir import add_data_dir, data_dir_of, reported, write_json
from ccsproxy.tools.printing import printable

NAME = "verify"
SUMMARY = (
    "Check every record's checksum, and the index against the records; with --wire, that the proxy changes nothing."
)

#: Maximum number of recorded calls that are sent both ways.
_MOST = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "--wire",
        action="store_true",
        help="send the same requests to an upstream on this machine, with and without a proxy started for it, "
        "including the newest session's calls, and compare every byte that either side receives",
    )
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Check the store; it may be in use.

    :return: 0 if nothing is wrong, 1 otherwise.
    """
    if args.wire:
        return _wire(args, out)
    data_dir = data_dir_of(args)
    report = check(data_dir, (lambda segment: None) if args.json else (lambda segment: _line(out, segment)))
    if args.json:
        write_json(out, {"good": report.good} | attr.asdict(report))
    else:
        _summary(out, report)
    return 0 if report.good else 1


def _wire(args: argparse.Namespace, out: TextIO) -> int:
    """Compare what both sides receive with and without a proxy; exit status 0 if nothing differs."""
    results = verify_wire([*built_in(), *_recorded(Path(args.data_dir).expanduser())])
    if args.json:
        write_json(out, [{**attr.asdict(each), "equal": each.equal} for each in results])
    else:
        for each in results:
            out.write(f"{'equal  ' if each.equal else 'differs'}  {printable(each.title)}\n")
            for side, what in (("the upstream got", each.request), ("the client got", each.answer)):
                out.write(f"         {side}: {printable(what)}\n" if what else "")
        count = sum(each.equal for each in results)
        out.write(f"{count} of {len(results)} exchanges are identical byte for byte, except for {_BESIDE}\n")
    return 0 if all(each.equal for each in results) else 1


#: What a proxy must change (RFC 9110 section 7.6.1), or does not preserve (docs/architecture.md).
_BESIDE = "Host, the fields of a connection, and where chunks begin"


def _recorded(data_dir: Path) -> list[WireExchange]:
    """Return the calls of the newest session; empty if nothing is recorded."""
    if not (data_dir / "segments").is_dir():
        return []
    reader = Reader(data_dir)
    try:
        for session in reader.sessions(SessionQuery(limit=1)):
            rows = reader.session(session["session_id"])["requests"][:_MOST]
            return list(recorded_exchanges(reader.each(session["session_id"], rows)))
    finally:
        reader.close()
    return []


def _line(out: TextIO, segment: SegmentReport) -> None:
    counted = f"{segment.records} records" + (f", {segment.tail} bytes unfinished" if segment.tail else "")
    wrong = [
        f"{getattr(segment, name)} {name}" for name in ("damaged", "unindexed", "dangling") if getattr(segment, name)
    ]
    state = "ok" if segment.good else ", ".join(wrong) or segment.problem or "torn"
    out.write(f"{segment.name}  {counted}  {state}\n")


def _summary(out: TextIO, report: CheckReport) -> None:
    for name in report.gone:
        out.write(f"{name}  is in the index, but does not exist\n")
    if report.index != "ok":
        out.write(f"index: {report.index}; 'ccsproxy reindex' rebuilds it\n")
    records = sum(segment.records for segment in report.segments)
    state = "nothing is wrong" if report.good else "something is wrong"
    out.write(f"{plural(len(report.segments), 'segment')}, {plural(records, 'record')}: {state}\n")
