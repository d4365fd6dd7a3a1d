"""What was said is what is recorded: generated streams of every dialect through a running service."""

import gzip
import hashlib
import itertools
import json
from typing import Any

import attr
import msgspec
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

from ccsproxy.dialects import DecodedResponse
from test.dialects.anthropic_streams import anthropic_stream
from test.dialects.chat_streams import chat_stream
from test.dialects.exchanges import ROUTES, facts_for, read_as
from test.dialects.gemini_streams import gemini_stream
from test.dialects.ollama_streams import ollama_stream
from test.dialects.responses_streams import responses_stream
from test.dialects.sdks import comparable
from test.dialects.streams import Maker, Stream, as_lines, as_sse, chunks
from test.integration.harness import Peer, ProxiedTestCase
from test.integration.messages import Message
from test.integration.writing import END, JSON, SSE, answer, anthropic, head, post, sse

MAKERS = (anthropic_stream, responses_stream, chat_stream, gemini_stream, ollama_stream)
ASKED = json.dumps({"model": "asked", "stream": True}).encode()


def encoded(stream: Stream, maker: Maker) -> bytes:
    """Write a stream as its dialect does."""
    if stream.dialect == "ollama":
        return as_lines(stream, maker)
    if stream.dialect == "gemini":
        return b"".join(f"data: {maker.json_text(event)}\r\n\r\n".encode() for event in stream.events)
    return as_sse(stream, maker)


@attr.frozen
class Play:
    """An answer that comes in pieces.

    :ivar pieces: of the body on the wire.
    :ivar fields: of its head.
    :ivar cut: the connection ends before the body does.
    """

    pieces: list[bytes]
    fields: list[tuple[str, str]]
    cut: bool

    async def send(self, peer: Peer) -> None:
        peer.send(head("HTTP/1.1 200 OK", [*self.fields, ("Transfer-Encoding", "chunked")]))
        for piece in self.pieces:
            await deferLater(reactor, 0)
            peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if self.cut:
            await deferLater(reactor, 0.01)
            peer.close()
        else:
            peer.send(b"0\r\n\r\n")


class Paused(Play):
    """Pauses after each piece."""

    async def send(self, peer: Peer) -> None:
        peer.send(head("HTTP/1.1 200 OK", [SSE, ("Transfer-Encoding", "chunked")]))
        for piece in self.pieces:
            peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            await deferLater(reactor, 0.05)
        peer.send(b"0\r\n\r\n")


class Hanging(Play):
    """Says nothing more after its pieces."""

    async def send(self, peer: Peer) -> None:
        peer.send(head("HTTP/1.1 200 OK", [SSE, ("Transfer-Encoding", "chunked")]))
        for piece in self.pieces:
            peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))


class RecordTests(ProxiedTestCase):
    """A running service and an upstream that plays streams."""

    def script(self, peer: Peer, request: Message) -> None:
        ensureDeferred(self.play.send(peer))

    async def exchange(self, request: bytes, play: Play) -> None:
        self.play = play
        client = await self.connect()
        client.send(request)
        await (client.end() if play.cut else client.message())
        client.leave()

    async def test_generated_streams(self) -> None:
        """Body, usage, stop reason, outcome, times, text and chunks of streams: whole, cut, compressed, in pieces."""
        await self.start_scripted(self.script)
        expected = []
        for seed in range(75):
            maker = Maker(seed)
            stream = MAKERS[seed % len(MAKERS)](maker)
            plain = encoded(stream, maker)
            cut, packed = maker.chance(0.3), maker.chance(0.3)
            wire = gzip.compress(plain) if packed else plain
            target, kind = ROUTES[stream.dialect]
            if cut:
                plain = wire = plain[: maker.random.randrange(1, len(plain))]
            pieces = list(chunks(wire, maker))[:400]
            pieces.append(wire[sum(map(len, pieces)) :])
            fields = [("Content-Type", kind.decode()), *[("Content-Encoding", "gzip")] * (packed and not cut)]
            await self.exchange(post(target.decode(), ASKED), Play([p for p in pieces if p], fields, cut))
            facts = facts_for(target, kind, request_body=json.loads(ASKED))
            told = read_as([plain], facts, whole=not cut)
            if not cut:
                self.assertEqual(comparable(told.body), comparable(stream.intended))
            expected.append((stream, plain, wire, cut, told))
        for record, case in zip(await self.records(len(expected)), expected, strict=True):
            self.assert_right(record, *case)

    def assert_right(
        self, record: dict[str, Any], stream: Stream, plain: bytes, wire: bytes, cut: bool, told: DecodedResponse
    ) -> None:
        """Compare a record with what was sent."""
        response, timing = record["response"], record["timing"]
        as_json = msgspec.json.decode(msgspec.json.encode(told))
        self.assertEqual(comparable(response["body_reassembled"]), comparable(as_json["body"]))
        self.assertEqual(record.get("usage"), as_json["usage"])
        self.assertEqual(record["stop_reason"], told.stop_reason)
        self.assertEqual(record["response_model"], told.response_model)
        self.assertEqual((record["dialect"], record["category"], record["model"]), (
            stream.dialect, "model", "asked" if stream.dialect != "gemini" else record["model"]))  # fmt: skip
        whole = "complete" if told.complete else "stream_error" if told.error else "upstream_truncated"
        self.assertEqual(record["outcome"], "upstream_truncated" if cut else whole)
        self.assertEqual(record["partial"], cut or not told.complete)
        self.assertEqual(response["body_bytes"], len(wire))
        self.assertEqual(response["body_sha256"], hashlib.sha256(wire).hexdigest())
        self.assertEqual(response["raw_sse_frames_count"], told.frames)
        self.assertEqual(response["stream"]["text"], plain.decode("utf-8", "replace"))
        self.assertEqual(sum(size for _, size in response["stream"]["chunks"]), len(wire))
        moments = [at for at, _ in response["stream"]["chunks"]]
        self.assertEqual(moments, sorted(moments))
        if told.first_token_ms is None:
            self.assertIsNone(record["ttft_ms"])
        else:
            self.assertIn(record["ttft_ms"], moments)
            self.assertLessEqual(record["ttft_ms"], record["duration_ms"])
        ordered = [timing[name] for name in ("connected", "request_sent", "headers", "first_byte", "last_byte")]
        self.assertEqual(ordered[1:], sorted(ordered[1:]))
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        self.assertAlmostEqual(timing["max_gap"] or 0, max(gaps, default=0), 2)
        self.assertEqual(record["capture"]["dropped_bytes"], 0)

    async def test_first_content(self) -> None:
        """Neither the start of a message nor a ping is content; pauses are seen."""
        await self.start_scripted(self.script)
        events = anthropic(["hello"], [], *END)
        pieces = [sse(events[:2]), sse([{"type": "ping"}]), sse(events[2:])]
        await self.exchange(post("/v1/messages", ASKED), Paused(pieces, [], False))
        (record,) = await self.records(1)
        moments = [at for at, _ in record["response"]["stream"]["chunks"]]
        self.assertEqual((len(moments), record["ttft_ms"]), (3, moments[2]))
        self.assertGreater(record["timing"]["max_gap"], 30)

    async def test_outcomes(self) -> None:
        """Only the dialect's own end makes a model's stream complete; what was said until then is kept."""
        await self.start_scripted(self.script)
        events = anthropic(["so ", "far"], [], {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 2}})
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        for more in ([], [error], END):
            await self.exchange(post("/v1/messages", ASKED), Play([sse([*events, *more])], [SSE], False))
        client = await self.connect()
        self.play = Hanging([sse(events)], [SSE], True)
        client.send(post("/v1/messages", ASKED))
        await client.until(lambda: b'"far"' in client.received)
        client.leave()
        records = await self.records(4)
        outcomes = ["upstream_truncated", "stream_error", "complete", "client_disconnected"]
        self.assertEqual([record["outcome"] for record in records], outcomes)
        self.assertEqual([record["partial"] for record in records], [True, True, False, True])
        self.assertEqual(
            [(r["error"] or {}).get("kind") for r in records][:3], ["sse_truncated", "overloaded_error", None]
        )
        for record in records:
            self.assertEqual(record["response"]["body_reassembled"]["content"][0]["text"], "so far")
            self.assertEqual(record["usage"]["output_tokens"], 3 if record["outcome"] == "complete" else 2)

    async def test_a_model_on_an_unknown_route(self) -> None:
        """The first event of the answer says what kind of call it was, where the request does not."""
        await self.start_scripted(self.script)
        events = anthropic(["hi"], [])
        for more in (END, []):
            await self.exchange(post("/relay/x", b"{}"), Play([sse([*events, *more])], [SSE], False))
        await self.exchange(post("/relay/x", b"{}"), Play([sse([{"news": 1}])], [SSE], False))
        records = await self.records(3)
        found = [(record["dialect"], record["category"], record["outcome"]) for record in records]
        self.assertEqual(found, [("anthropic", "model", "complete"), ("anthropic", "model", "upstream_truncated"),
                                 ("generic", "other", "complete")])  # fmt: skip

    async def test_metadata_only(self) -> None:
        """``--capture metadata`` keeps who, what, when, usage and sizes, and no body."""
        await self.start_scripted(self.script, capture="metadata")
        body = sse(anthropic(["secret plan"], ["{}"], *END))
        await self.exchange(post("/v1/messages", ASKED), Play([body], [SSE], False))
        (record,) = await self.records(1)
        response = record["response"]
        self.assertEqual(
            (record["model"], record["outcome"], record["stop_reason"]), ("asked", "complete", "tool_use")
        )
        self.assertEqual((record["usage"]["output_tokens"], response["body_bytes"]), (3, len(body)))
        self.assertEqual(response["body_sha256"], hashlib.sha256(body).hexdigest())
        self.assertIsNotNone(record["ttft_ms"])
        self.assertEqual((record["request"]["body"], response["body_reassembled"]), (None, None))
        self.assertNotIn("stream", response)
        for path in (each for each in self.data_dir.rglob("*") if each.is_file()):
            self.assertNotIn(b"secret plan", path.read_bytes())

    async def test_forced_dialects(self) -> None:
        """``--provider`` decides where the route says nothing."""
        body = json.dumps({"model": "m", "messages": []}).encode()
        for provider, dialect in (("claude", "anthropic"), ("codex", "openai_chat")):
            await self.start_scripted(lambda peer, request: peer.send(answer(b'{"x":1}', JSON)), provider=provider)
            await self.ask(post("/relay/x", body, JSON))
            (record,) = await self.records(1)
            self.assertEqual((record["dialect"], record["category"]), (dialect, "model"))
