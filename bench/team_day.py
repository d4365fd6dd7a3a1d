"""A day of a team: ``python bench/team_day.py [--developers N] [--calls N]``.

Makes the calls that coding agents of so many developers make in a day, or a part of them, as records in a store, and
prints what docs/scale.md is reckoned from: bytes of a call as it is sent, in a segment and in the index, how much of
what is sent was sent before, rows of the tables of an engine, and the processor time of each step.

A session is a conversation of an agent: a system prompt and tools that all have in common, a user's
message for each turn, and calls of tools in between, whose results are pieces of real source files (this Python's own
library), so that they compress as source does. Sizes are drawn from log-normal distributions (`SIZES`).
"""

import argparse
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.usage import Usage
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


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of this process that something takes, and what it returns."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def measure(developers: int, calls: int, seed: int, folder: Path) -> None:
    team = Team(seed)
    segments, files = Segments(folder), Files()
    name, number, plain, written = "", 0, 0, []
    batch: list[Record] = []
    encode = otlp = 0.0
    encoder = SpanEncoder(False)
    spans = span_bytes = 0
    for each in team.day(developers, calls):
        if not name:
            number += 1
            name = f"20261130T{number // 60:02d}{number % 60:02d}00000Z-0000000a"
            segments.begin(name)
            size = 0
        seconds, line = timed(lambda each=each: codec.encode(each))
        encode += seconds
        segments.append(name, line)
        size += len(line)
        plain += len(line)
        batch.append(each)
        if len(batch) == 50:
            records = [msgspec.to_builtins(one) for one in batch]
            seconds, body = timed(lambda records=records: trace_request(made := encoder.spans(records)) and made)
            otlp += seconds
            spans += len(body)
            span_bytes += len(trace_request(body))
            batch.clear()
        if size > 64 << 20:
            written.append(name)
            name = ""
    if name:
        written.append(name)
    compress = 0.0
    for each_name in written:
        seal(files, folder, each_name, 0.0)
        seconds, _ = timed(lambda each_name=each_name: compress_segment(files, folder, each_name))
        compress += seconds
    packed = sum(path.stat().st_size for path in (folder / "segments").iterdir())
    index_s, _ = timed(lambda: bring_up(folder))
    index = sum(path.stat().st_size for path in folder.glob(NAME + "*"))
    report(team.tally, plain, packed, index, encode, compress, index_s, otlp, spans, span_bytes)


def report(
    tally: Tally, plain: int, packed: int, index: int, encode: float, compress: float, index_s: float, otlp: float,
    spans: int, span_bytes: int,
) -> None:  # fmt: skip
    calls = tally.calls
    shown = {
        "calls": calls,
        "request body, median KB": statistics.median(tally.bodies) / 1e3,
        "request body, mean KB": tally.sent / calls / 1e3,
        "sent, MB": tally.sent / 1e6,
        "of it never sent before, MB": tally.new / 1e6,
        "share never sent before, %": 100 * tally.new / tally.sent,
        "answers, KB a call": tally.answers / calls / 1e3,
        "messages (with system and tools) a call": tally.messages / calls,
        "messages never sent before a call": len(tally.distinct) / calls,
        "record as a line, KB": plain / calls / 1e3,
        "in a compressed segment, KB a call": packed / calls / 1e3,
        "compression, times": plain / packed,
        "index, KB a call": index / calls / 1e3,
        "write a line, ms": encode / calls * 1e3,
        "compress, ms a call": compress / calls * 1e3,
        "index, ms a call": index_s / calls * 1e3,
        "spans a call": spans / (calls // 50 * 50 or 1),
        "OTLP without content, bytes a call": span_bytes / (calls // 50 * 50 or 1),
        "OTLP, ms a call": otlp / calls * 1e3,
    }
    for what, value in shown.items():
        print(f"{what:44} {value:12,.2f}")


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
