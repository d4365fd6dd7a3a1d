"""``ccsproxy reindex``: rebuilds the index from the segments."""

import argparse
import time
from typing import TextIO

from ccsproxy.store.directory import DataDirBusy
from ccsproxy.store.index.schema import NAME as NAME_OF_INDEX
from ccsproxy.tools.data_dir import (
    CommandError,
    add_data_dir,
    data_dir_of,
    offline_store,
    reported,
    size_text,
    write_json,
)

NAME = "reindex"
SUMMARY = "Rebuild the index from the records."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Rebuild the index of a store that is not in use; exit status 1 if a segment could not be read completely."""
    begun, counts = time.monotonic(), [0, 0]

    def progress(lines: int, size: int) -> None:
        counts[0] += lines
        counts[1] += size

    data_dir = data_dir_of(args)
    try:
        store = offline_store(data_dir)
    except DataDirBusy:
        remedy = f"delete {data_dir / NAME_OF_INDEX} and it is rebuilt, or stop it first and run this again"
        raise CommandError(f"A running ccsproxy maintains the index: {remedy}.") from None
    with store:
        skipped = store.reindex(progress)
    took = max(time.monotonic() - begun, 0.001)
    if args.json:
        write_json(out, {"lines": counts[0], "bytes": counts[1], "seconds": round(took, 3), "skipped": skipped})
    else:
        out.write(
            f"{counts[0]} lines, {size_text(counts[1])} in {took:.1f} s ({size_text(int(counts[1] / took))}/s)\n"
        )
    for name, reason in skipped.items():
        err.write(f"{name} could not be read completely, so records are missing from the index: {reason}\n")
    return 1 if skipped else 0
