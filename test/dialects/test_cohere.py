"""Cohere's streams and answers in both versions."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import facts_for, lines, read_as, sse

UNITS = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 69, "output_tokens": 4}}
V2 = facts_for(b"/v2/chat", b"text/event-stream", request_body={"model": "c", "messages": [], "stream": True})
V1 = facts_for(b"/v1/chat", b"application/stream+json", request_body={"message": "hi", "stream": True})


def delta(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    """Write an event of version 2 about a part of the message."""
    where = {} if index is None else {"index": index}
    return {"type": kind, **where, "delta": {"message": message}}


START = {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant", "content": []}}}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": UNITS}}
TEXT = [
    delta("content-start", 0, content={"type": "text", "text": ""}),
    delta("content-delta", 0, content={"text": "Hel"}),
    delta("content-delta", 0, content={"text": "lo"}),
    {"type": "content-end", "index": 0},
]


def second(*events: Any, whole: bool = True) -> DecodedResponse:
    return read_as(sse(events), V2, whole=whole)


class VersionTwoTests(SynchronousTestCase):
    """``/v2/chat``."""

    def test_a_stream(self) -> None:
        """Events amount to the answer of the same call without a stream."""
        got = second(START, *TEXT, END)
        message = {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
        self.assertEqual(got.body, {"id": "m", "finish_reason": "COMPLETE", "usage": UNITS, "message": message})
        self.assertEqual((got.dialect, got.complete, got.stop_reason, got.faults), ("cohere", True, "COMPLETE", ()))
        self.assertEqual(got.usage, Usage(input_tokens=69, output_tokens=4, raw=UNITS))

    def test_calls_plans_thoughts_and_citations(self) -> None:
        """Each has its place in the message."""
        call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}
        cited = {"start": 0, "end": 2, "text": "He", "sources": []}
        events = [
            START,
            delta("tool-plan-delta", tool_plan="I "),
            delta("tool-plan-delta", tool_plan="will"),
            delta("tool-call-start", 0, tool_calls=call),
            delta("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"a":'}}),
            delta("tool-call-delta", 0, tool_calls={"function": {"arguments": "1}"}}),
            {"type": "tool-call-end", "index": 0},
            delta("content-start", 0, content={"type": "thinking", "thinking": ""}),
            delta("content-delta", 0, content={"thinking": "hm"}),
            delta("content-start", 1, content={"type": "text", "text": ""}),
            delta("content-delta", 1, content={"text": "Hi"}),
            delta("citation-start", 0, citations=cited),
            {"type": "citation-end", "index": 0},
            END,
        ]
        got = second(*events)
        self.assertEqual(got.faults, ())
        message = got.body["message"]
        self.assertEqual(message["tool_plan"], "I will")
        self.assertEqual(message["tool_calls"], [{**call, "function": {"name": "f", "arguments": '{"a":1}'}}])
        self.assertEqual(message["content"], [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}])
        self.assertEqual(message["citations"], [cited])

    def test_a_cut_stream(self) -> None:
        """A stream that breaks off is not complete; its output is a bound."""
        got = second(START, *TEXT)
        self.assertFalse(got.complete)
        self.assertEqual(got.body["message"]["content"][0]["text"], "Hello")
        self.assertEqual(got.usage, Usage(output_tokens_at_least=1))

    def test_errors(self) -> None:
        """An end with an error, and an error body, which is a mere message."""
        ended = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "went away"}}
        got = second(START, *TEXT, ended)
        self.assertEqual((got.error, got.complete), (Error("error", "went away"), False))
        facts = facts_for(b"/v2/chat", b"application/json", request_body={"messages": []})
        body = read_as(b'{"id":"x","message":"no such model"}', facts)
        self.assertEqual(body.error, Error("error", "no such model"))

    def test_odd_events(self) -> None:
        """Events that fit nowhere are kept aside."""
        got = second(START, {"type": "news"}, delta("content-delta", "x", content={"text": "a"}), 5, END)  # type: ignore[arg-type]
        self.assertEqual(got.faults, ("unknown_event", "invalid_event"))
        self.assertEqual(len(got.body["_unparsed_events"]), 3)

    def test_the_first_content(self) -> None:
        """Starts and empty texts are no content."""
        events = [START, TEXT[0], delta("content-delta", 0, content={"text": ""}), TEXT[1]]
        self.assertEqual(read_as([sse([event]) for event in events], V2).first_token_ms, 3.0)

    def test_an_answer(self) -> None:
        """A body without a stream."""
        body = {"id": "m", "finish_reason": "MAX_TOKENS", "message": {"role": "assistant", "content": []},
                "usage": {**UNITS, "cached_tokens": 9}}  # fmt: skip
        facts = facts_for(b"/v2/chat", b"application/json", request_body={"messages": []})
        got = read_as(json.dumps(body).encode(), facts)
        assert got.usage is not None
        self.assertEqual((got.stop_reason, got.usage.input_tokens, got.missing), ("MAX_TOKENS", 60, None))
        self.assertEqual(got.usage.cache_read_input_tokens, 9)


class VersionOneTests(SynchronousTestCase):
    """``/v1/chat`` and its neighbours, mostly lines of JSON."""

    def test_a_stream_of_lines(self) -> None:
        """The last line carries the answer."""
        final = {"text": "Hello", "generation_id": "g", "finish_reason": "COMPLETE", "meta": UNITS}
        events = [
            {"is_finished": False, "event_type": "stream-start", "generation_id": "g"},
            {"is_finished": False, "event_type": "text-generation", "text": "Hel"},
            {"is_finished": False, "event_type": "text-generation", "text": "lo"},
            {"is_finished": True, "event_type": "stream-end", "response": final, "finish_reason": "COMPLETE"},
        ]
        for raw, facts in ((lines(events), V1), (sse(events), facts_for(b"/v1/chat", b"text/event-stream",
                           request_body={"message": "hi"}))):  # fmt: skip
            got = read_as(raw, facts)
            self.assertEqual((got.body, got.complete, got.faults), (final, True, ()))
            self.assertEqual(got.usage, Usage(input_tokens=69, output_tokens=4, raw=UNITS))
        cut = read_as(lines(events[:-1]), V1)
        self.assertEqual((cut.body["text"], cut.complete, cut.dialect), ("Hello", False, "cohere"))

    def test_calls_in_pieces(self) -> None:
        """Pieces of calls are joined until the calls come whole."""
        piece = lambda **more: {"event_type": "tool-calls-chunk", "is_finished": False, "tool_call_delta": more}  # noqa: E731
        events = [piece(index=0, name="f"), piece(index=0, parameters='{"a"'), piece(index=0, parameters=":1}")]
        got = read_as(lines(events), V1)
        self.assertEqual(got.body["tool_calls"], [{"name": "f", "_raw_parameters": '{"a":1}'}])
        whole = {"event_type": "tool-calls-generation", "is_finished": False, "tool_calls": [{"name": "f"}]}
        self.assertEqual(read_as(lines([*events, whole]), V1).body["tool_calls"], [{"name": "f"}])

    def test_citations_and_searches(self) -> None:
        """Lists grow; what fits nowhere is kept aside."""
        events = [
            {"event_type": "citation-generation", "is_finished": False, "citations": [{"start": 0}]},
            {"event_type": "citation-generation", "is_finished": False, "citations": [{"start": 5}]},
            {
                "event_type": "search-results",
                "is_finished": False,
                "search_results": [{}],
                "documents": [{"id": "d"}],
            },
            {"event_type": "news", "is_finished": False},
            3,
        ]
        got = read_as(lines(events), V1)
        self.assertEqual(got.body["citations"], [{"start": 0}, {"start": 5}])
        self.assertEqual((got.body["documents"], got.faults), ([{"id": "d"}], ("unknown_event",)))

    def test_an_end_with_an_error(self) -> None:
        """An error at the end is one."""
        event = {"event_type": "stream-end", "is_finished": True, "finish_reason": "ERROR", "error": "gone"}
        got = read_as(lines([event]), V1)
        self.assertEqual((got.error, got.complete), (Error("ERROR", "gone"), False))

    def test_generate(self) -> None:
        """Its stream names no event types."""
        facts = facts_for(b"/v1/generate", b"application/stream+json", provider="cohere",
                          request_body={"prompt": "x", "stream": True})  # fmt: skip
        response = {"generations": [{"text": "ab", "finish_reason": "COMPLETE"}], "meta": UNITS}
        events = [{"text": "a", "is_finished": False}, {"text": "b", "is_finished": False},
                  {"is_finished": True, "finish_reason": "COMPLETE", "response": response}]  # fmt: skip
        got = read_as(lines(events), facts)
        self.assertEqual((got.complete, got.stop_reason, got.body["generations"]),
                         (True, "COMPLETE", response["generations"]))  # fmt: skip

    def test_embeddings_and_rankings(self) -> None:
        """They are told by their units, also where the route says nothing."""
        meta = {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 2}}
        embed = read_as(json.dumps({"id": "e", "embeddings": [[0.5]], "texts": ["a"], "meta": meta}).encode(),
                        facts_for(b"/v1/embed", b"application/json", request_body={"model": "e"}))  # fmt: skip
        self.assertEqual((embed.dialect, embed.usage), ("cohere", Usage(input_tokens=2, raw=meta)))
        meta = {"billed_units": {"search_units": 1}}
        rank = read_as(json.dumps({"results": [{"index": 0}], "meta": meta}).encode(),
                       facts_for(b"/v1/rerank", b"application/json", request_body={"model": "r"}))  # fmt: skip
        self.assertEqual((rank.dialect, rank.usage), ("cohere", Usage(tool_calls={"search_units": 1}, raw=meta)))
        self.assertEqual(rank.faults, ())
