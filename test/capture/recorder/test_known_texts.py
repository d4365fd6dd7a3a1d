"""Records with and without the memory of known texts: what is sent again is recorded as if it were new."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, FrameDecoder
from ccsproxy.capture.recorder.assembly import CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.report import MainReport, RelayReport, Report
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record
from ccsproxy.redaction import Rules, Tagger, items, redactors
from ccsproxy.redaction.search.scanner import Scanner
from ccsproxy.redaction.text_memory import SHORTEST, TextMemory
from ccsproxy.redaction.tree import texts_of
from ccsproxy.wire import json_items
from test.capture import encoded
from test.capture.fakes import SSE, ending, request_head, response_head
from test.capture.recorder.fake_interfaces import MemoryStore
from test.effort import effort

SCANNER, TAGGER = Scanner(), Tagger(b"k" * 32)
SECRET = "ghp_" + "A1b2C3d4E5" * 3 + "F6g7H8"
LONG = "word after word, " * (SHORTEST // 16)
#: Long and short texts, with a secret, with parts of one at their ends, and some that differ by a letter.
TEXTS = st.sampled_from(
    (LONG, LONG + "x", f"{LONG}{SECRET}", LONG + SECRET[:20], SECRET[20:] + LONG, "short", SECRET, "\u00e9" * 700,
     f"{LONG}DB_PASSWORD=x9!yz-k\n", chr(0x4241) * 600, "AB" * 600)
)  # fmt: skip
#: Many short texts, which are known together: with a secret among them, with one that differs by a letter, in another
#: order.
MANY = [f"the {number}th word of many, {'so it goes ' * 9}" for number in range(90)]
SHORT = st.lists(
    st.sampled_from((MANY, MANY[:40], MANY[::-1], [*MANY[:50], SECRET, *MANY[50:]], [*MANY[:-1], MANY[-1] + "x"])),
    min_size=2, max_size=5,
)  # fmt: skip
#: What a user and a model say in turn, in several sessions that are sent in any order.
SESSIONS = st.lists(st.tuples(st.integers(0, 2), TEXTS, TEXTS), max_size=8)


#: What stands in items: harmless, secret, half characters, the caller's own key, an item that is nested deeply.
OWN_KEY = "own-key-of-" + "this-caller-1"
SAID = (
    LONG, LONG + "y", f"{LONG}{SECRET}", LONG + SECRET[:20], SECRET[20:] + LONG, "short", "\ud83d", f"say {OWN_KEY}",
    OWN_KEY[:9], "\u00e9\u4241", "--password", f"export GITHUB_TOKEN={SECRET}",
)  # fmt: skip
DEEP: Any = "deep"
for _ in range(220):
    DEEP = [DEEP]
FILLING = {"role": "user", "content": "word after word, " * 2500}
CONVERSATIONS = st.lists(
    st.tuples(st.lists(st.integers(0, len(SAID)), max_size=6), st.sampled_from(("", OWN_KEY, "another-key-1234"))),
    min_size=2, max_size=5,
)  # fmt: skip
BESIDE = st.sampled_from(
    ({}, {"system": "be brief"}, {"system": [{"type": "text", "text": LONG}]}, {"metadata": {"note": SECRET}},
     {"password": "x9!yz-k-4711"}, {"stop": ["--token", "x9!yz-k-4711"]}, {"input": ["a", "b"]}, {"contents": []})
)  # fmt: skip

#: What stands beside a wrapped request.
ABOVE = ({"user_prompt_id": SECRET}, {"messages": [{"content": SECRET}]}, {"password": "x9!yz-k-4711"})


def item(number: int) -> dict[str, Any]:
    """Make an item of a conversation."""
    if number == len(SAID):
        return {"role": "user", "content": DEEP}
    return {"role": "user", "content": [{"type": "text", "text": SAID[number]}]}


class Recording:
    """A recorder, and the records that it makes of a session's turns."""

    def __init__(self, memory: TextMemory | None) -> None:
        self.store = MemoryStore()
        report = Report(MainReport(lambda data: None, lambda flush: None))
        report.relays[0] = RelayReport(lambda data: None, lambda flush: None, lambda: 0, lambda reason: None)
        rules = Rules(TAGGER, scanner=SCANNER, memory=memory)
        sessions = Sessions("run", self.store.last_seq, lambda size: bytes(size))
        self.recorder = Recorder(
            CapturePolicy(), Interpreters(detect, identify), redactors(rules), sessions, self.store, report,
            MemoryBudget(1 << 30),
        )  # fmt: skip

    def call(self, number: int, body: bytes, answer: bytes, key: str = "") -> None:
        """Record a call, made with a key."""
        own = [(b"X-Api-Key", key.encode())] if key else []
        head = request_head(f"e{number}", headers=[(b"Content-Length", str(len(body)).encode()), *own])
        parts = [
            encoded.head(number, 0, head),
            frames.frame(frames.REQUEST_BODY, number, 10, body),
            encoded.response_head(number, 1000, response_head(200, SSE)),
            frames.frame(frames.RESPONSE_BODY, number, 2000, answer),
            encoded.end(number, 9000, EndFrame(ending(), len(body), len(answer))),
        ]
        for frame in FrameDecoder().feed(b"".join(parts)):
            self.recorder.take(frame)


def said(record: Record) -> Any:
    """Return what a record says, but for when that was."""
    return {**msgspec.to_builtins(record), "timing": None, "started_at": None, "ended_at": None}


def line(record: Record) -> bytes:
    """Return a record's line, but for when that was."""
    ages = {"timing": None, "started_at": "", "ended_at": ""}
    return codec.encode(msgspec.structs.replace(record, **ages))


def body_of(texts: list[str]) -> bytes:
    """Write a body with short texts in many blocks."""
    blocks = [{"type": "text", "text": text} for text in texts]
    return json.dumps({"model": "claude-1", "messages": [{"role": "user", "content": blocks}]}).encode()


class EqualityTests(SynchronousTestCase):
    """The memory changes what a record costs, and nothing else."""

    @given(SESSIONS, st.integers(1, 4))
    @settings(max_examples=effort(60), deadline=None)
    def test_sessions(self, turns: list[tuple[int, str, str]], size: int) -> None:
        """Sessions of any texts, with a memory of any size."""
        with_memory, without = Recording(TextMemory(size, size)), Recording(None)
        messages: dict[int, list[Any]] = {}
        for number, (session, asked, answered) in enumerate(turns, 1):
            sent = messages.setdefault(session, [])
            sent.append({"role": "user", "content": [{"type": "text", "text": asked}]})
            user = json.dumps({"session_id": f"00000000-0000-4000-8000-00000000000{session}"})
            body = json.dumps({"model": "claude-1", "metadata": {"user_id": user}, "messages": sent}).encode()
            delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": answered}}
            answer = b"event: content_block_delta\ndata: " + json.dumps(delta).encode() + b"\n\n"
            for each in (with_memory, without):
                each.call(number, body, answer)
            sent.append({"role": "assistant", "content": [{"type": "text", "text": answered}]})
        self.assertEqual(len(with_memory.store.records), len(turns))
        self.assertEqual(
            [said(each) for each in with_memory.store.records], [said(each) for each in without.store.records]
        )

    @given(SHORT, st.integers(1, 40))
    @settings(max_examples=effort(20), deadline=None)
    def test_many_short_texts(self, bodies: list[list[str]], size: int) -> None:
        """What is known is all of a row of them, each as it was."""
        with_memory, without = Recording(TextMemory(size, size)), Recording(None)
        for number, texts in enumerate(bodies, 1):
            for each in (with_memory, without):
                each.call(number, body_of(texts), b"event: ping\ndata: {}\n\n")
        found = [said(each) for each in with_memory.store.records]
        self.assertEqual(found, [said(each) for each in without.store.records])
        self.assertNotIn(SECRET, repr(found))

    @given(CONVERSATIONS, BESIDE, st.booleans(), st.sampled_from((None, {}, *ABOVE)), st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_long_bodies(
        self, calls: list[tuple[list[int], str]], beside: dict[str, Any], compact: bool, above: Any, huge: bool
    ) -> None:
        """Items are known by their bytes: records are the same lines, whatever stands in them and beside them.

        Also where the request is wrapped in another object, and where a body is so long that its items are looked at
        a few at a time and decoded again for each look.
        """
        self.patch(items, "_TOGETHER", 300 if huge else 1 << 20)
        self.patch(json_items, "_DECODED", 300 if huge else 4 << 20)
        with_memory, without = Recording(TextMemory()), Recording(None)
        items_of_all = [item(number) for number in range(len(SAID) + 1)]
        for number, (numbers, key) in enumerate(calls, 1):
            sent = {"model": "claude-1", **beside, "messages": [FILLING, *(items_of_all[each] for each in numbers)],
                    "tools": [{"name": "t", "description": SAID[each - 1]} for each in numbers[:2]]}  # fmt: skip
            if above is not None:
                sent = {"project": "p", **above, "request": {**sent, "contents": sent["messages"][::-1]}, "n": 1}
            body = json.dumps(sent, ensure_ascii=compact, separators=(",", ":") if compact else None)
            for each in (with_memory, without):
                each.call(number, body.encode("utf-8", "surrogatepass"), b"event: ping\ndata: {}\n\n", key)
        self.assertEqual(
            [line(each) for each in with_memory.store.records], [line(each) for each in without.store.records]
        )
        kept = b"".join(map(line, with_memory.store.records))
        self.assertEqual(len(with_memory.store.records), len(calls))
        self.assertNotIn(SECRET.encode(), kept)

    def test_known_together(self) -> None:
        """A row of short texts that grows at its end is searched once, but for its end."""
        searched: list[int] = []
        rules = Rules(TAGGER, scanner=SCANNER, memory=TextMemory())
        find = SCANNER.find
        self.patch(SCANNER, "find", lambda text, depth=0: searched.append(len(text)) or find(text, depth))
        for more in range(3):
            searched.clear()
            value = {"system": MANY, "messages": [{"content": f"{each} is new"} for each in range(more)]}
            self.assertFalse(rules.may_hold(texts_of(value) or ()))
            self.assertEqual(len(searched), 1 if more else 3)
