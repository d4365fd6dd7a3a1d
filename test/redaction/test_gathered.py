"""Tests for `ccsproxy.redaction.streams.gathered`: a stream that is let pass is one that redacting would not
change."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import Redactor, Tagger
from ccsproxy.redaction.streams.gathered import Unusual, texts_of_stream
from ccsproxy.redaction.streams.stream import StreamRedactor
from test.effort import effort
from test.redaction.test_consistency import anthropic, chat, cut
from test.redaction.test_rules import KNOWN, PARTS, Thorough
from test.redaction.test_text import SECRETS

#: Pieces of texts that hold a secret only when they are joined.
PIECES = st.sampled_from(
    (*PARTS, "s", "k-ant-", "api03-A1b2C3d4", "E5f6", KNOWN[:5], KNOWN[5:], "", "quick ", "brown")
)
MEMBERS = {
    "delta": lambda piece: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": piece},
    },
    "other": lambda piece: {"type": "content_block_delta", "index": 1, "delta": {"type": "t", "partial_json": piece}},
    "start": lambda piece: {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": piece},
    },
    "chat": lambda piece: {"id": "c", "fingerprint": "sk-", "choices": [{"index": 0, "delta": {"content": piece}}]},
    "twice": lambda piece: {"choices": [{"index": 0, "text": piece}, {"index": 0, "text": "k-"}]},
    "constant": lambda piece: {"type": "x", "tier": "A1b2C3d4E5f6G7h8", "other": "sk-", "piece": piece},
    "named": lambda piece: {"type": "y", "name": piece, "id": piece},
    "secret": lambda piece: {"type": "y", "auth": {"token": piece}},
    "key": lambda piece: {piece: "value"},
    "list": lambda piece: [piece, {"a": piece}],
    "text": lambda piece: piece,
    "number": lambda piece: 7,
}
EVENT = st.tuples(st.sampled_from(sorted(MEMBERS)), PIECES)
RUN = st.tuples(st.sampled_from(sorted(MEMBERS)), st.lists(PIECES, min_size=2, max_size=9))


def sse(events: list[Any]) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


def channels(text: str, kind: str) -> list[str]:
    """Return what the redaction of a stream searches, event by event."""
    searched: list[str] = []

    def find(text: str) -> list[Any]:
        searched.append(text)
        return []

    StreamRedactor(find, Tagger(), "").redact(text, kind)
    return searched


class GatheredTests(SynchronousTestCase):
    """Streams are left alone only where redacting them event by event would change nothing."""

    def assertSame(self, stream: str, kind: str) -> None:
        quick, thorough = Redactor(), Thorough()
        for each in (quick, thorough):
            each.learn(KNOWN)
        self.assertEqual(quick.stream(stream, kind), thorough.stream(stream, kind))
        self.assertEqual(quick.count, thorough.count)

    @given(st.lists(st.one_of(EVENT.map(lambda pair: (pair[0], [pair[1]])), RUN), max_size=5), st.booleans())
    @settings(max_examples=effort(120), deadline=None)
    def test_the_same_is_redacted(self, groups: list[tuple[str, list[str]]], lines: bool) -> None:
        """However pieces are dealt out to events, the result and the count are those of the thorough way."""
        events = [MEMBERS[kind](piece) for kind, pieces in groups for piece in pieces]
        if lines:
            self.assertSame("".join(json.dumps(event) + "\n" for event in events), "ndjson")
        else:
            self.assertSame(sse(events), "sse")

    @given(st.lists(st.one_of(EVENT.map(lambda pair: (pair[0], [pair[1]])), RUN), max_size=5))
    @settings(max_examples=effort(100), deadline=None)
    def test_all_that_is_searched_is_gathered(self, groups: list[tuple[str, list[str]]]) -> None:
        """Every text that the thorough way searches is among the gathered ones."""
        stream = sse([MEMBERS[kind](piece) for kind, pieces in groups for piece in pieces])
        try:
            gathered = {text.strip("\n") for text in texts_of_stream(stream, "sse")}
        except Unusual:
            return
        for text in channels(stream, "sse"):
            if len(text.strip("\n")) >= 8:
                self.assertIn(text.strip("\n"), gathered)

    @given(st.lists(st.sampled_from(
        ["data: ", "data:", "event: x\n", "event:y\n", ": c\n", "\n", "\r\n", "\n\n", '{"a":"b"}', '"sk-', "[DONE]",
         "id: 1\n", 'data: {"api_key":"canary"}\n\n', 'data: {"a":"sk-ant-abcdefghij"}\n\n',
         "event: sk-ant-abcdefghij\n", "\ufeff"]
    ), max_size=12).map("".join), st.sampled_from(["sse", "ndjson", "json", ""]))  # fmt: skip
    @settings(max_examples=effort(100), deadline=None)
    def test_any_framing(self, stream: str, kind: str) -> None:
        """The same holds for streams that are framed oddly."""
        self.assertSame(stream, kind)

    def test_a_secret_member_of_like_events(self) -> None:
        """Events that differ in nothing but a member that holds secrets are looked at one by one, whatever the first
        of them says."""
        for pieces in (["word"] * 5 + ["Kx81-p2xx-99"], ["IDENTIFIER"] * 6 + ["x9yz-81kq-77ab"]):
            stream = sse([MEMBERS["secret"](piece) for piece in pieces])
            self.assertSame(stream, "sse")
            self.assertRaises(Unusual, texts_of_stream, stream, "sse")

    def test_secrets_in_pieces_in_every_dialect(self) -> None:
        """A secret is found wherever it is cut, one letter an event too."""
        for secret in SECRETS:
            text = f"see {secret}"
            for parts in (list(text), cut(text, [6]), cut(text, [5, 7, 11])):
                for make in (anthropic, chat):
                    for place in ((parts, ["{}"]), (["ok"], parts)):
                        stream = sse(make(*place))
                        clean = Redactor().stream(stream, "sse")
                        self.assertNotEqual(clean, stream, (secret, parts))
                        self.assertEqual(clean, Thorough().stream(stream, "sse"))

    def test_ordinary_streams_pass(self) -> None:
        """Streams as providers send them are gathered: the quick way is the usual one."""
        words = "the quick brown fox said: \"it's 5 o'clock\"\n".split(" ")
        for make in (anthropic, chat):
            stream = sse(make([f"{word} " for word in words], ['{"command"', ': "ls', ' -l"}'])) + "data: [DONE]\n\n"
            self.assertTrue(Redactor()._is_clean_stream(stream, "sse"))
