"""A day of a team: ``python bench/team_day.py [--developers N] [--calls N]``.

Makes the calls that coding agents of so many developers make in a day, or a part of them, as records in a store, and
prints what docs/scale.md is reckoned from: bytes of a call as it is sent, in a segment and in the index, how much of
what is sent was sent before, rows of the tables of an engine, and the processor time of each step.

A session is a conversation of an agent: a system prompt and tools that all have in common, a user's
message for each turn, and calls of tools in between, whose results are pieces of real source files (this Python's own
library), so that they compress as source does. Sizes are drawn from log-normal distributions (`SIZES`).
"""

import argparse
import gzip
import hashlib
import json
import math
import random
import shutil
import statistics
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import attr
import msgspec

from ccsproxy.config.shipping import ship_address
from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.price_book import list_price
from ccsproxy.redaction import redactors
from ccsproxy.ship.clickhouse.rows import RowMaker
from ccsproxy.ship.clickhouse.schema import tables
from ccsproxy.ship.delivery.batch import LineBatch, ShippedLine
from ccsproxy.ship.otlp.encoder import SpanEncoder
from ccsproxy.ship.otlp.protobuf import trace_request
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.seal import seal
from test.ship.segments import Segments
from test.store.records import record

#: Median and sigma of the logarithm, in characters: what users say, what models answer, what tools return.
SIZES = {"user": (220, 1.2), "answer": (400, 0.9), "arguments": (160, 1.0), "result": (1800, 1.5)}
LARGEST = 60_000
#: Calls of a session, and steps of a turn: median and sigma.
CALLS, STEPS = (35, 0.9), (6, 0.8)
#: Characters of the system prompt and of all tools, which a team that uses one agent shares, and of the instructions
#: that each project has of its own.
SYSTEM, TOOLS, OWN = 14_000, 62_000, 5_000
#: Calls that one developer's agents make in a working day.
CALLS_A_DAY = 1000
START = 1_796_000_000.0


@attr.define
class Tally:
    """What was made."""

    calls: int = 0
    sent: int = 0
    new: int = 0
    answers: int = 0
    messages: int = 0
    distinct: set[bytes] = attr.field(factory=set)
    bodies: list[int] = attr.field(factory=list)


class Team:
    """Makes the sessions of developers."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
        self._sources = [text for file in files if len(text := file.read_text("utf-8", "replace")) > 2000]
        self.tally = Tally()

    def drawn(self, median: float, sigma: float) -> int:
        return max(1, int(min(self._dice.lognormvariate(math.log(median), sigma), LARGEST)))

    def text(self, size: int) -> str:
        """Cut a piece out of a source file; long results are several pieces."""
        found = []
        while size > 0:
            source = self._dice.choice(self._sources)
            at = self._dice.randrange(max(1, len(source) - size))
            found.append(source[at : at + size])
            size -= len(found[-1])
        return "".join(found)

    def day(self, developers: int, calls: int) -> Iterator[Record]:
        """Yield the calls of a day as they come in at one gateway: those of all developers, mixed."""
        tools = [
            {"name": f"tool_{n}", "description": self.text(TOOLS // 20 - 600), "input_schema": {"type": "object"}}
            for n in range(20)
        ]
        system = [{"type": "text", "text": self.text(SYSTEM)}]
        people = [self.person(number, calls, system, tools) for number in range(developers)]
        while people:
            one = self._dice.choice(people)
            try:
                yield next(one)
            except StopIteration:
                people.remove(one)

    def person(self, number: int, calls: int, system: list[Any], tools: Any) -> Iterator[Record]:
        """Yield one developer's calls, session after session."""
        own = [*system, {"type": "text", "text": self.text(OWN)}]
        while calls > 0:
            for each in self.session(number, calls, own, tools):
                yield each
                calls -= 1

    def session(self, person: int, most: int, system: Any, tools: Any) -> Iterator[Record]:
        """Yield the calls of one session, each with the whole conversation so far."""
        name = f"{self._dice.getrandbits(64):016x}"
        messages: list[dict[str, Any]] = []
        steps = 0
        for seq in range(1, min(self.drawn(*CALLS), most) + 1):
            if steps == 0:
                steps = self.drawn(*STEPS)
                messages.append({"role": "user", "content": self.text(self.drawn(*SIZES["user"]))})
            steps -= 1
            answer: list[dict[str, Any]] = [{"type": "text", "text": self.text(self.drawn(*SIZES["answer"]))}]
            if steps:
                call = {"type": "tool_use", "id": f"toolu_{name}_{seq}", "name": f"tool_{self._dice.randrange(20)}"}
                answer.append({**call, "input": {"what": self.text(self.drawn(*SIZES["arguments"]))}})
            yield self.call(person, name, seq, {"system": system, "tools": tools, "messages": list(messages)}, answer)
            messages.append({"role": "assistant", "content": answer})
            if steps:
                result = self.text(self.drawn(*SIZES["result"]))
                block = {"type": "tool_result", "tool_use_id": f"toolu_{name}_{seq}", "content": result}
                messages.append({"role": "user", "content": [block]})

    def call(self, person: int, session: str, seq: int, said: dict[str, Any], answer: list[Any]) -> Record:
        body = {"model": "claude-opus-5-5", "max_tokens": 32000, "stream": True, **said}
        size = self._count(said, body, answer)
        made = record(seq, session, body, size)
        started = START + len(self.tally.bodies) * 7
        reply = {"id": f"msg_{session}_{seq}", "type": "message", "role": "assistant", "content": answer}
        response = {"status": 200, "reason": "OK", "http_version": "1.1", "headers": {}, "headers_raw": []}
        digest = hashlib.sha256(f"{session}/{seq}".encode()).hexdigest()
        tokens = size // 4
        usage = Usage(input_tokens=tokens // 20, cache_read_input_tokens=tokens - tokens // 20, output_tokens=200)
        said_of = {
            "id": f"{len(self.tally.bodies):013d}-{digest[:16]}", "model": "claude-opus-5-5", "dialect": "anthropic",
            "started_at": iso_time(started), "ended_at": iso_time(started + 6), "duration_ms": 6000.0,
            "ttft_ms": 900.0, "stop_reason": "end_turn", "usage": msgspec.to_builtins(usage),
            "labels": {"user": f"dev{person}", "host": "gw1"}, "response": {**response, "body_reassembled": reply},
        }  # fmt: skip
        return msgspec.convert({**msgspec.to_builtins(made), **said_of}, Record)

    def _count(self, said: dict[str, Any], body: Any, answer: Any) -> int:
        tally = self.tally
        size = len(json.dumps(body))
        tally.calls += 1
        tally.sent += size
        tally.bodies.append(size)
        tally.answers += len(json.dumps(answer))
        for each in (*said["system"], *said["tools"], *said["messages"]):
            tally.messages += 1
            text = json.dumps(each).encode()
            digest = hashlib.blake2b(text, digest_size=16).digest()
            if digest not in tally.distinct:
                tally.distinct.add(digest)
                tally.new += len(text)
        return size


class Measured:
    """Processor seconds of this process by step, and counts by name."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def timed(self, step: str, work: Callable[[], Any]) -> Any:
        begun = time.process_time()
        result = work()
        self.seconds[step] += time.process_time() - begun
        return result


class Store:
    """Takes the records of a day as the recorder does, and closes and indexes them."""

    def __init__(self, folder: Path, measured: Measured) -> None:
        self._folder, self._measured = folder, measured
        self._segments, self._names, self._size = Segments(folder), list[str](), 0

    def append(self, line: bytes) -> None:
        if not self._names or self._size > 64 << 20:
            number = len(self._names) + 1
            self._names.append(f"20261130T{number // 60:02d}{number % 60:02d}00000Z-0000000a")
            self._segments.begin(self._names[-1])
            self._size = 0
        self._segments.append(self._names[-1], line)
        self._size += len(line)

    def close(self) -> None:
        files = Files()
        for name in self._names:
            seal(files, self._folder, name, 0.0)
            self._measured.timed("compress", lambda name=name: compress_segment(files, self._folder, name))
        packed = (self._folder / "segments").iterdir()
        self._measured.counts["packed"] = sum(path.stat().st_size for path in packed)
        self._measured.timed("index", lambda: bring_up(self._folder))
        self._measured.counts["index"] = sum(path.stat().st_size for path in self._folder.glob(NAME + "*"))


class Shipping:
    """Makes what targets get of batches, and sends it nowhere."""

    def __init__(self, measured: Measured) -> None:
        self._measured, self._encoder = measured, SpanEncoder(False)
        self._rows = RowMaker("gw1", tables(ship_address("clickhouse+https://u@h/d")), list_price, 0)

    def ship(self, batch: list[tuple[Record, bytes]]) -> None:
        counts, lines = self._measured.counts, [ShippedLine(n, line) for n, (_, line) in enumerate(batch)]
        counts["shipped"] += len(batch)
        records = [msgspec.to_builtins(each) for each, _ in batch]
        spans = self._measured.timed("OTLP", lambda: self._encoder.spans(records))
        counts["spans"] += len(spans)
        counts["OTLP"] += len(self._measured.timed("OTLP", lambda: trace_request(spans)))
        rows = self._measured.timed("ClickHouse", lambda: self._rows.rows(LineBatch("gw1", "s", 0, 1, lines)))
        self._rows.memory.commit()
        for table, made in rows.lines.items():
            counts[f"rows of {table}"] += len(made)
            counts[f"bytes of {table}"] += len(gzip.compress(b"\n".join(made), 5))


def measure(developers: int, calls: int, seed: int, folder: Path) -> None:
    team, measured = Team(seed), Measured()
    store, shipping, redactor = Store(folder, measured), Shipping(measured), redactors()
    batch: list[tuple[Record, bytes]] = []
    for each in team.day(developers, calls):
        measured.timed("redact", lambda each=each: redactor().tree(each.request.body, "request"))
        line = measured.timed("write", lambda each=each: codec.encode(each))
        measured.counts["plain"] += len(line)
        store.append(line)
        batch.append((each, line))
        if len(batch) == 50:
            shipping.ship(batch)
            batch.clear()
    store.close()
    report(team.tally, measured)


def report(tally: Tally, measured: Measured) -> None:
    calls, counts, shipped = tally.calls, measured.counts, measured.counts["shipped"] or 1
    shown = {
        "calls": calls,
        "request body, median KB": statistics.median(tally.bodies) / 1e3,
        "request body, mean KB": tally.sent / calls / 1e3,
        "share never sent before, %": 100 * tally.new / tally.sent,
        "messages (with system and tools) a call": tally.messages / calls,
        "messages never sent before, a call": len(tally.distinct) / calls,
        "record as a line, KB": counts["plain"] / calls / 1e3,
        "in a compressed segment, KB a call": counts["packed"] / calls / 1e3,
        "compression, times": counts["plain"] / counts["packed"],
        "index, KB a call": counts["index"] / calls / 1e3,
        "spans a call": counts["spans"] / shipped,
        "OTLP without content, KB a call": counts["OTLP"] / shipped / 1e3,
    }
    for name, count in sorted(counts.items()):
        if name.startswith(("rows", "bytes")):
            shown[f"ClickHouse: {name}{', gzip' if name[0] == 'b' else ''}, a call"] = count / shipped
    for step, seconds in measured.seconds.items():
        shown[f"{step}, ms a call"] = seconds / (shipped if step in ("OTLP", "ClickHouse") else calls) * 1e3
    for what, value in shown.items():
        print(f"{what:56} {value:12,.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--developers", type=int, default=4)
    parser.add_argument("--calls", type=int, default=CALLS_A_DAY, help="of each developer")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--dir", default=None)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ccsproxy-team-", dir=args.dir))
    try:
        measure(args.developers, args.calls, args.seed, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
