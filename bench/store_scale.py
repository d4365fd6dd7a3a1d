"""How the store answers as it grows: ``python bench/store_scale.py [RECORDS ...] [--dir DIR]``.

Makes a store of agent sessions of each size (10,000 and 100,000 unless told), indexes it, and prints milliseconds for
each question, p50 and p99, with the ratio between the last size and the first. 100,000 records need 2 GB of disk.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.maintenance.check import check
from ccsproxy.store.query import parse_query
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import list_segments
from test.store.corpus import MODELS, START, Corpus, Segments, Shape, started

SHAPE = Shape(turns=12, system_words=120, turn_words=80, spacing=25.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("records", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--dir", default=None)
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    tables = [measured(count, args.dir, args.rounds) for count in args.records]
    first, last = tables[0], tables[-1]
    for name in last:
        ratio = f"  x{last[name][1] / first[name][1]:.2f} at p99" if len(tables) > 1 else ""
        print(f"{name:34}" + "".join(f"  {p50:8.2f} {p99:8.2f}" for p50, p99 in (t[name] for t in tables)) + ratio)


def measured(count: int, folder: str | None, rounds: int) -> dict[str, tuple[float, float]]:
    data_dir = Path(tempfile.mkdtemp(prefix="ccsproxy-scale-", dir=folder))
    try:
        size = make(data_dir, count)
        begun = time.perf_counter()
        bring_up(data_dir)
        took = time.perf_counter() - begun
        index = (data_dir / NAME).stat().st_size
        print(
            f"{count} records, {size / 1e6:.0f} MB, indexed in {took:.1f} s ({size / took / 1e6:.0f} MB/s), ", end=""
        )
        print(f"index {index / 1e6:.0f} MB", flush=True)
        return questions(data_dir, count, rounds)
    finally:
        shutil.rmtree(data_dir)


def make(data_dir: Path, count: int) -> int:
    segments = Segments(data_dir)
    for record in Corpus(SHAPE).records(count):
        segments.write(started(record), record)
    return sum(path.stat().st_size for path in (data_dir / "segments").iterdir())


def questions(data_dir: Path, count: int, rounds: int) -> dict[str, tuple[float, float]]:
    dice, corpus = random.Random(7), Corpus(SHAPE)
    reader = Reader(data_dir)
    page = reader.requests(parse_query({"limit": "1000"}))
    sample = [(item["session_id"], item["seq"]) for item in page.items]
    end = START + 1000 + count * SHAPE.spacing
    middle = reader.requests(
        parse_query({"until": str(START + 1000 + count * SHAPE.spacing / 2), "limit": "1"})
    ).before
    asked: dict[str, Callable[[], object]] = {
        "list, newest 100": lambda: reader.requests(),
        "list, 100 from the middle": lambda: reader.requests(parse_query({"before": middle or "0"})),
        "filter: model": lambda: reader.requests(parse_query({"model": dice.choice(MODELS)})),
        "filter: two models, outcome": lambda: reader.requests(
            parse_query({"model": ",".join(dice.sample(MODELS, 2)), "outcome": "http_error"})
        ),
        "filter: cwd": lambda: reader.requests(parse_query({"cwd": f"/home/dev/project-{dice.randrange(40)}"})),
        "filter: tool and status": lambda: reader.requests(parse_query({"tool": "Bash", "status": "529"})),
        "filter: one session": lambda: reader.requests(parse_query({"session": dice.choice(sample)[0]})),
        "full text: frequent word": lambda: reader.requests(parse_query({"q": corpus._words[dice.randrange(20)]})),
        "full text: rare word": lambda: reader.requests(parse_query({"q": corpus._words[-dice.randrange(1, 900)]})),
        "full text: two words": lambda: reader.requests(
            parse_query({"q": f"{corpus._words[dice.randrange(60)]} {corpus._words[dice.randrange(2000)]}"})
        ),
        "full text: phrase": lambda: reader.requests(
            parse_query({"q": f'"{corpus._words[dice.randrange(60)]} {corpus._words[dice.randrange(60)]}"'})
        ),
        "full text and filter": lambda: reader.requests(
            parse_query({"q": corpus._words[dice.randrange(60)], "model": dice.choice(MODELS)})
        ),
        "one record": lambda: reader.record(*dice.choice(sample)),
        "sessions, newest 100": lambda: reader.sessions(),
        "sessions of a model": lambda: reader.sessions(SessionQuery(model=(dice.choice(MODELS),))),
        "one session": lambda: reader.session(dice.choice(sample)[0]),
        "stats, all time": lambda: reader.stats(),
        "stats, since some time": lambda: reader.stats(int(dice.uniform(START, end) * 1000)),
        "values for filters": lambda: reader.meta(),
    }
    table = {name: timed(question, rounds) for name, question in asked.items()}
    table["first answer of a new reader"] = timed(lambda: Reader(data_dir).requests(), 20)
    table["first list of a new process"] = timed(lambda: new_process(data_dir), 5)
    pack(data_dir, list_segments(data_dir)[0][0])
    bring_up(data_dir)
    oldest = reader.requests(
        parse_query({"until": str(START + 1000 + min(count, 2000) * SHAPE.spacing), "limit": "500"})
    )
    packed = [(item["session_id"], item["seq"]) for item in oldest.items]
    table["one record, compressed segment"] = timed(lambda: reader.record(*dice.choice(packed)), 40)
    begun = time.perf_counter()
    report = check(data_dir)
    took = (time.perf_counter() - begun) * 1000
    print(json.dumps({"verify": report.good, "seconds": round(took / 1000, 1)}))
    reader.close()
    return table


def timed(question: Callable[[], object], rounds: int) -> tuple[float, float]:
    question()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        question()
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.99))]


def new_process(data_dir: Path) -> None:
    code = "import sys, pathlib, ccsproxy.store.reader.reader as r; r.Reader(pathlib.Path(sys.argv[1])).requests()"
    subprocess.run(
        [sys.executable, "-c", code, str(data_dir)], check=True, cwd=Path(__file__).resolve().parent.parent
    )


def pack(data_dir: Path, name: str) -> None:
    seal(Files(), data_dir, name, time.time())
    compress_segment(Files(), data_dir, name)


if __name__ == "__main__":
    main()
