"""``ccsproxy verify``: every checksum of the store, and the index against the segments."""

import argparse
from typing import TextIO

import attr

from ccsproxy.store.care.check import CheckReport, SegmentReport, check
from ccsproxy.tools.data_dir import add_data_dir, data_dir_of, reported, write_json

NAME = "verify"
SUMMARY = "Check every record's checksum, and the index against the records."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Check the store; it may be in use.

    :return: 0 when nothing is wrong, 1 otherwise.
    """
    data_dir = data_dir_of(args)
    report = check(data_dir, (lambda segment: None) if args.json else (lambda segment: _line(out, segment)))
    if args.json:
        write_json(out, {"good": report.good} | attr.asdict(report))
    else:
        _summary(out, report)
    return 0 if report.good else 1


def _line(out: TextIO, segment: SegmentReport) -> None:
    counted = f"{segment.records} records" + (f", {segment.tail} bytes unfinished" if segment.tail else "")
    wrong = [
        f"{getattr(segment, name)} {name}" for name in ("damaged", "unindexed", "dangling") if getattr(segment, name)
    ]
    state = "ok" if segment.good else ", ".join(wrong) or segment.problem or "torn"
    out.write(f"{segment.name}  {counted}  {state}\n")


def _summary(out: TextIO, report: CheckReport) -> None:
    for name in report.gone:
        out.write(f"{name}  is in the index and gone\n")
    if report.index != "ok":
        out.write(f"index: {report.index}; ccsproxy reindex makes it anew\n")
    records = sum(segment.records for segment in report.segments)
    state = "nothing is wrong" if report.good else "something is wrong"
    out.write(f"{len(report.segments)} segments, {records} records: {state}\n")
