"""``ccsproxy gc``: compresses closed segments and removes what retention no longer keeps."""

import argparse
from typing import TextIO

from ccsproxy.insight.words import plural
from ccsproxy.store.control import ControlReply, ControlRequest
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.tools.data_dir import (
    WrongUsage,
    add_data_dir,
    changed,
    data_dir_of,
    reported,
    size_text,
    write_json,
)

NAME = "gc"
SUMMARY = "Compress closed segments, and remove records that are too old or too many."

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)
    default = "the running service's, else"
    parser.add_argument("--retain-days", metavar="N", help=f"days to keep, 0 = forever (default: {default} 30)")
    parser.add_argument("--retain-size", metavar="BYTES", help=f"bytes to keep, 0 = all (default: {default} 4G)")


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Collect; a running service, which does so regularly, is asked to do it now."""
    data_dir = data_dir_of(args)
    days, size = _number(args.retain_days, "--retain-days"), _number(args.retain_size, "--retain-size")
    segments = SegmentLines(data_dir)
    before = _measured(segments)
    request = ControlRequest("collect", retain_days=days, retain_size=None if size is None else int(size))
    given = {"retain_days": request.retain_days, "retain_size": request.retain_size}
    settings = {name: value for name, value in given.items() if value is not None}
    trouble = changed(data_dir, lambda store: ControlReply(trouble=store.collect()), request, settings).trouble
    after = _measured(segments)
    if args.json:
        write_json(out, {"before": before, "after": after, "trouble": trouble})
    else:
        sizes = [f"{plural(count, 'segment')}, {size_text(size)}" for count, size in (before, after)]
        out.write(" -> ".join(sizes) + "\n")
    if trouble:
        err.write(f"{args.data_dir} could not be collected completely: {trouble}\n")
    return 1 if trouble else 0


def _measured(segments: SegmentLines) -> tuple[int, int]:
    """Return the number of segments and their size in bytes."""
    names = segments.names()
    return len(names), sum(segments.bytes_on_disk(name) for name in names)


def _number(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    unit = _UNITS.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    try:
        value = float(digits) * unit
    except ValueError:
        value = -1.0
    # float() accepts nan and inf, too, which are useless as a number of days or bytes.
    if not 0 <= value < float("inf"):
        raise WrongUsage(f"{option} must be a number from 0, not {text!r}.")
    return value
