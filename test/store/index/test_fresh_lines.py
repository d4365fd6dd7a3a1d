"""Tests for `ccsproxy.store.index.fresh_lines`: an index is the same, whether its lines were read or handed over."""

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record
from ccsproxy.redaction import Redactor, Rules, Tagger
from ccsproxy.redaction.items import LISTS
from ccsproxy.redaction.search.scanner import Scanner
from ccsproxy.redaction.text_memory import TextMemory
from ccsproxy.store.index.file import open_for_reading
from ccsproxy.store.index.follower import Follower
from ccsproxy.store.index.fresh_lines import FreshLines
from ccsproxy.store.index.index import Index
from ccsproxy.store.segments.line_apart import encode_apart
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.segments.segment import plain_path
from ccsproxy.wire import json_items, jsontext
from test.store.disks import scratch
from test.store.records import record

RULES = Rules(Tagger(b"k" * 32), scanner=Scanner(), memory=TextMemory())
SECRET = "ghp_" + "A1b2C3d4E5" * 3 + "F6g7H8"
NAME = "20261130T000000000Z-0000aaaa"
LONG = "the quick brown fox jumps over the lazy dog and on. " * 700
TEXTS = ("find the fault", "I read the next file.", LONG, f"export TOKEN={SECRET}", "\u00e9\u4241", "", "\ud83d")


def message(role: str, text: str, marked: bool) -> dict[str, Any]:
    """Make a message, with a mark of the cache if asked to."""
    mark = {"cache_control": {"type": "ephemeral"}} if marked else {}
    return {"role": role, "content": [{"type": "text", "text": text, **mark}]}


ROLES = st.sampled_from(("user", "assistant", "system"))
MESSAGES = st.builds(message, ROLES, st.sampled_from(TEXTS), st.booleans())
ODD = st.sampled_from((
    {"cachePoint": {"type": "default"}}, {"type": "additional_tools", "tools": [{"name": "added"}]},
    {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1"}, {"role": "user", "parts": []},
    {"type": "function_call_output", "call_id": "c1", "output": LONG[:200]}, {},
))  # fmt: skip
TOOLS = st.lists(st.sampled_from(({"name": "Read", "description": LONG[:300], "input_schema": {"type": "object"}},
                                  {"cachePoint": {"type": "default"}}, {"name": "t"})), max_size=3)  # fmt: skip
SYSTEM = st.sampled_from(("be brief", [{"type": "text", "text": "be brief"}], [], None, LONG))
CALLS = st.lists(
    st.fixed_dictionaries({
        "dialect": st.sampled_from((("anthropic", "messages"), ("openai_responses", "input"), ("gemini", "contents"),
                                    ("openai_chat", "messages"), ("bedrock", "messages"), (None, "messages"))),
        "said": st.lists(MESSAGES | ODD, max_size=6), "tools": TOOLS, "system": SYSTEM, "compact": st.booleans(),
        "wrapped": st.booleans(),
    }),
    min_size=1, max_size=4,
)  # fmt: skip


def body_of(call: dict[str, Any], said: list[Any]) -> Any:
    """Make the body of a call as the recorder hands it over."""
    sent = {"model": "m-1", call["dialect"][1]: said, "tools": call["tools"], "system": call["system"]}
    if call["wrapped"]:
        sent = {"model": "m-1", "project": "p", "request": sent, "session_id": "s"}
    text = json.dumps(sent, separators=(",", ":") if call["compact"] else None).encode()
    body = json_items.loads(text, LISTS)
    redactor = Redactor(rules=RULES)
    found = redactor.items(body)
    return redactor.tree(jsontext.loads(text)) if found is None else found


def tables(data_dir: Path) -> dict[str, list[Any]]:
    """Return everything that an index holds."""
    connection = open_for_reading(data_dir)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        plain = [name for name in names if not (name.startswith("passages_") and name.count("_") == 1)]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in plain}
    finally:
        connection.close()


def written(data_dir: Path, records: list[Record]) -> FreshLines:
    """Write a segment, and return its lines as the writer hands them over."""
    fresh, lines, at = FreshLines(), [], 0
    for each in records:
        apart = encode_apart(each)
        line = codec.encode(each)
        assert apart is None or apart.line == line
        fresh.add([(NAME, SegmentLine(at, len(line), line, True, apart))])
        lines.append(line)
        at += len(line)
    path = plain_path(data_dir, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return fresh


class EqualityTests(SynchronousTestCase):
    """Nothing in an index tells how its lines came."""

    @given(CALLS)
    @settings(max_examples=25, deadline=None)
    def test_any_session(self, calls: list[dict[str, Any]]) -> None:
        """Sessions of any dialect, that grow; marks, redacted and odd items, half characters."""
        said: list[Any] = [message("user", LONG, False)]
        records = []
        for seq, call in enumerate(calls, 1):
            said = [*said, *call["said"]]
            each = record(seq, body=body_of(call, said))
            records.append(msgspec.structs.replace(each, dialect=call["dialect"][0], request_id=f"r{seq}"))
        found = [self.indexed(records, handed) for handed in (True, False)]
        self.assertEqual(found[0], found[1])
        self.assertEqual(sum(row[4] for row in found[0]["call_blocks"]), len(records))
        self.assertEqual(len(found[0]["request_rows"]), len(records))

    def indexed(self, records: list[Record], handed: bool) -> dict[str, list[Any]]:
        """Return what an index holds that its lines were handed to, or not."""
        data_dir = scratch(self) / "data"
        data_dir.mkdir(parents=True)
        index, lines = Index(data_dir), SegmentLines(data_dir)
        Follower(index, lines).catch_up()  # so that facts are made with the rows
        fresh = written(data_dir, records)
        if handed:
            self.patch(lines, "scan", lambda *given: self.fail("a line that was handed over is read"))
        Follower(index, lines, fresh=fresh if handed else None).catch_up()
        index.close()
        return tables(data_dir)


class FreshLinesTests(SynchronousTestCase):
    """Lines come in their order, from where the index is, or not at all."""

    def setUp(self) -> None:
        self.fresh = FreshLines(most_bytes=100)

    def add(self, segment: str, offset: int, length: int) -> None:
        self.fresh.add([(segment, SegmentLine(offset, length, b"", True))])

    def took(self, segment: str, offset: int) -> list[int]:
        return [each.offset for each in self.fresh.take(segment, offset)]

    def test_in_their_order(self) -> None:
        """Those that follow one another are taken together, once."""
        for offset in (10, 20, 30):
            self.add("a", offset, 10)
        self.assertEqual(self.took("a", 10), [10, 20, 30])
        self.assertEqual(self.took("a", 40), [])

    def test_a_gap(self) -> None:
        """What was not kept is read, and what follows it is taken behind that."""
        self.add("a", 10, 10)
        self.add("a", 30, 10)
        self.assertEqual(self.took("a", 0), [])
        self.assertEqual(self.took("a", 10), [10])
        self.assertEqual(self.took("a", 20), [])
        self.assertEqual(self.took("a", 30), [30])

    def test_read_meanwhile(self) -> None:
        """Lines that have been read in the meantime are let go of."""
        self.add("a", 10, 10)
        self.add("a", 20, 10)
        self.assertEqual(self.took("a", 20), [20])
        self.add("b", 0, 10)
        self.assertEqual(self.took("a", 30), [])
        self.assertEqual(self.took("c", 0), [])
        self.add("d", 0, 90)
        self.assertEqual(self.took("d", 0), [0])

    def test_bound(self) -> None:
        """No more is kept than there is room for."""
        self.add("a", 0, 60)
        self.add("a", 60, 60)
        self.add("a", 120, 40)
        self.assertEqual(self.took("a", 0), [0])
        self.assertEqual(self.took("a", 60), [])
        self.assertEqual(self.took("a", 120), [120])
