"""Compares our reassembly with the intended message and with the vendors' SDKs, for any number of random streams.

``python -m test.dialects.differential 100000`` is the long run; it prints a report and fails when anything differs.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator

from test.dialects.exchanges import ROUTES, facts_for, read, read_as
from test.dialects.making import STREAM_MAKERS, encode
from test.dialects.sdks import BY_DIALECT, comparable
from test.dialects.streams import Maker, Stream, chunks


def difference(seed: int) -> tuple[Stream, str]:
    """Make the stream of a seed, read it, and say what is wrong; an empty text when nothing is."""
    maker = Maker(seed)
    stream = STREAM_MAKERS[seed % len(STREAM_MAKERS)](maker)
    pieces = list(chunks(encode(stream, maker), maker))
    answer = _read(stream, pieces, maker)
    ours = comparable(answer.body)
    if ours != comparable(stream.intended):
        return stream, f"seed {seed}: ours\n{ours}\nis not what was intended\n{comparable(stream.intended)}"
    if answer.complete != (stream.intended.get("status") != "in_progress"):
        return stream, f"seed {seed}: complete is {answer.complete}"
    if unexpected := set(answer.faults) - _EXPECTED:
        return stream, f"seed {seed}: unexpected faults {unexpected}"
    return stream, _sdk_difference(seed, stream, pieces)


#: Faults that the streams give cause for: unknown members on purpose, and ChatGPT's empty output.
_EXPECTED = {"unknown_delta", "unknown_field", "output_backfilled"}


def _sdk_difference(seed: int, stream: Stream, pieces: list[bytes]) -> str:
    if stream.by_sdk is None:
        return ""
    theirs = comparable(BY_DIALECT[stream.dialect](pieces))
    expected = comparable(stream.by_sdk)
    if theirs == expected:
        return ""
    return (
        f"seed {seed}: the SDK's\n{theirs}\nis not what was expected of it\n{expected}\nknown losses {stream.losses}"
    )


def _read(stream: Stream, pieces: list[bytes], maker: Maker):
    if pieces and pieces[0].startswith(b"[") and stream.dialect == "gemini":
        return read_as(pieces, facts_for(ROUTES["gemini"][0], b"application/json"))
    return read(pieces, stream.dialect)


def differences(seeds: range, tally: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with the streams of these seeds, counting what was compared."""
    for seed in seeds:
        stream, wrong = difference(seed)
        tally["streams"] += 1
        tally["events"] += len(stream.events)
        tally[f"  {stream.dialect}"] += 1
        tally["compared with an SDK"] += stream.by_sdk is not None
        for loss in stream.losses:
            tally[f"  known loss {loss}"] += 1
        if wrong:
            tally["DIFFERENT"] += 1
            yield wrong


def main(arguments: list[str]) -> int:
    """Run as many streams as the first argument says, from the seed that the second one says."""
    amount = int(arguments[0]) if arguments else 100_000
    first = int(arguments[1]) if len(arguments) > 1 else 1_000_000
    tally: Counter[str] = Counter()
    began = time.monotonic()
    for wrong in differences(range(first, first + amount), tally):
        print(wrong, "\n")
    for name, value in tally.items():
        print(f"{value:10d} {name}")
    print(f"{time.monotonic() - began:10.1f} seconds")
    return 1 if tally["DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
