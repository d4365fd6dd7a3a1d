"""Sessions as trees of spans: against what is true of the sessions, however they are cut."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.content import without_content
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.encoder import SpanEncoder
from ccsproxy.ship.otlp.protobuf import trace_request
from ccsproxy.ship.otlp.span import Span
from test.effort import effort
from test.insight.world import MAIN, make_world
from test.ship.otlp.conventions import ATTRIBUTES, OPERATIONS, PARTS, PROVIDERS, ROLES

WORLD = make_world()
RECORDS = sorted(WORLD.records, key=lambda record: record["ended_at"] or record["started_at"])


def as_sent(spans: list[Span]) -> dict[bytes, Span]:
    """Return the spans by their ids, each once."""
    found = {span.span_id: span for span in spans}
    assert len(found) == len(spans), "a span is there twice"
    return found


def name_of(span: Span) -> str:
    return span.name.split()[0]


class TreeTests(SynchronousTestCase):
    """The sessions of the world."""

    encoded: dict[bytes, Span] | None = None

    def setUp(self) -> None:
        self.sent = TreeTests.encoded = TreeTests.encoded or as_sent(SpanEncoder(True).spans(RECORDS))
        self.main = {key: span for key, span in self.sent.items() if span.attributes[names.SESSION_ID] == MAIN}

    def above(self, span: Span, name: str) -> Span | None:
        """Return the nearest span of a name above another."""
        at: Span | None = span
        while at is not None and name_of(at) != name:
            at = self.sent.get(at.context.parent)
        return at

    def test_every_parent_is_there(self) -> None:
        """Each call is one span, in the trace of its session, below a span that is sent."""
        calls = [span for span in self.sent.values() if span.client]
        self.assertEqual(len(calls), len(RECORDS))
        traces: dict[Any, set[bytes]] = {}
        for span in self.sent.values():
            traces.setdefault(span.attributes[names.SESSION_ID], set()).add(span.context.trace_id)
            if span.context.parent:
                self.assertIn(span.context.parent, self.sent, span.name)
                self.assertEqual(self.sent[span.context.parent].context.trace_id, span.context.trace_id)
        self.assertEqual({len(each) for each in traces.values()}, {1})
        self.assertEqual(len({trace for each in traces.values() for trace in each}), len(traces))

    def test_turns(self) -> None:
        """Each call of the main session is below the turn that it is of, and side calls are below none."""
        truth = WORLD.truths[MAIN]
        turn_of = {
            span.attributes["ccsproxy.turn"]: span
            for span in self.main.values()
            if "ccsproxy.turn" in span.attributes
        }
        self.assertEqual(sorted(turn_of), list(range(1, len(truth.turns) + 1)))
        calls = {span.attributes["ccsproxy.record.seq"]: span for span in self.main.values() if span.client}
        for number, (_, steps) in enumerate(truth.turns, 1):
            for seq, retries, agents in steps:
                for each in (seq, *retries):
                    self.assertEqual(calls[each].context.parent, turn_of[number].span_id, (number, each))
                    self.assertGreaterEqual(calls[each].start_ms, turn_of[number].start_ms)
                    self.assertLessEqual(calls[each].end_ms, turn_of[number].end_ms)
                self.check_agents(agents, calls)
        for seq in truth.aside:
            self.assertIsNone(self.above(calls[seq], "invoke_agent"))

    def check_agents(self, agents: dict[str, list[int]], calls: dict[Any, Span]) -> None:
        """See that each sub-agent's calls are below an agent, below the tool call that began it."""
        for call_id, seqs in agents.items():
            for seq in seqs:
                agent = self.sent[calls[seq].context.parent]
                tool = self.sent[agent.context.parent]
                self.assertEqual((name_of(agent), name_of(tool)), ("invoke_agent", "execute_tool"))
                self.assertEqual(tool.attributes[names.TOOL_CALL_ID], call_id)

    def test_tools(self) -> None:
        """A tool span has its arguments and its result, and lies between two calls."""
        tools = [span for span in self.main.values() if name_of(span) == "execute_tool"]
        self.assertGreater(len(tools), 20)
        for span in tools:
            self.assertGreaterEqual(span.end_ms, span.start_ms)
            self.assertIn(names.TOOL_ARGUMENTS, span.attributes)
            self.assertIn(names.TOOL_RESULT, span.attributes)

    @settings(max_examples=effort(8), deadline=None)
    @given(st.lists(st.integers(1, len(RECORDS) - 1), unique=True, max_size=12))
    def test_any_cut(self, cuts: list[int]) -> None:
        """Cut into batches anywhere, the spans are the same, each sent once."""
        encoder, found = SpanEncoder(True), []
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(RECORDS)], strict=True):
            found += encoder.spans(RECORDS[begin:end])
        self.assertEqual(as_sent(found).keys(), self.sent.keys())

    def test_again(self) -> None:
        """A batch that is sent again is the same spans, whatever was sent since."""
        encoder = SpanEncoder(True)
        first = encoder.spans(RECORDS[:60])
        encoder.spans(RECORDS[60:])
        again = encoder.spans(RECORDS[:60])
        self.assertLessEqual({span.span_id for span in first if span.client}, {span.span_id for span in again})

    def test_after_a_restart(self) -> None:
        """What the index keeps of a session puts its later calls where they belong."""
        before = SpanEncoder(True)
        before.spans(RECORDS[:100])
        sessions = before.history._sessions
        after = SpanEncoder(True, lambda sid: sessions[sid].calls.values() if sid in sessions else ())
        later = after.spans(RECORDS[100:])
        for span in later:
            self.assertEqual(span.context, self.sent[span.span_id].context)

    def test_index_is_gone(self) -> None:
        """Without an index every call is sent, in its session."""
        found = SpanEncoder(True, lambda session_id: [1 // 0]).spans(RECORDS[100:])
        self.assertEqual(sum(span.client for span in found), len(RECORDS) - 100)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_metadata_alone(self) -> None:
        """Without content nothing that was said is sent, and the tree is the same."""
        bare = [without_content(record) for record in RECORDS]
        found = as_sent(SpanEncoder(False).spans(bare, RECORDS))
        self.assertEqual(found.keys(), self.sent.keys())
        self.assertEqual(
            {key: span.context for key, span in found.items()}, {k: s.context for k, s in self.sent.items()}
        )
        said = trace_request(found.values())
        for prompt, _ in WORLD.truths[MAIN].turns:
            self.assertNotIn(prompt[:30].encode(), said)
        self.assertNotIn(b"messages", said.replace(b"/v1/messages", b""))

    def test_the_clients_own_trace(self) -> None:
        """A call with a ``traceparent`` is where its client says, and nothing of ours is put around it."""
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        headers = {"traceparent": parent, "tracestate": "a=b"}
        records = [{**each, "request": {**each["request"], "headers": headers}} for each in RECORDS[:40]]
        found = SpanEncoder(True).spans(records)
        self.assertEqual(len(found), 40)
        self.assertEqual({span.context.trace_id.hex() for span in found}, {parent[3:35]})
        self.assertEqual(
            {(span.context.parent.hex(), span.context.state) for span in found}, {(parent[36:52], "a=b")}
        )


class ConventionTests(SynchronousTestCase):
    """All that is emitted has a name and a type of the conventions, or is ours."""

    def test_names(self) -> None:
        """Every attribute is in their registry, with its type, or begins with our name."""
        for span in SpanEncoder(True).spans(RECORDS):
            for name, value in {**span.attributes, **dict(span.resource)}.items():
                if name.startswith("ccsproxy."):
                    continue
                kind = ATTRIBUTES[name]
                self.assertIs(type(value), str if kind == "json" else kind, name)
            self.assertIn(span.attributes.get(names.OPERATION), {*OPERATIONS, None})
            if span.client and names.OPERATION in span.attributes:
                self.assertIn(span.attributes[names.PROVIDER], PROVIDERS)

    def test_messages(self) -> None:
        """Messages have a role and parts, and each part what its type must have."""
        seen = set()
        for span in SpanEncoder(True).spans(RECORDS):
            for name in (names.INPUT, names.OUTPUT):
                for message in json.loads(str(span.attributes.get(name, "[]"))):
                    self.assertIn(message["role"], ROLES)
                    for part in message["parts"]:
                        seen.add(part["type"])
                        for member, kind in PARTS.get(part["type"], {}).items():
                            self.assertIsInstance(part[member], kind)
            for part in json.loads(str(span.attributes.get(names.SYSTEM, "[]"))):
                self.assertEqual(part["type"], "text")
        self.assertLessEqual({"text", "tool_call", "tool_call_response", "image"}, seen)
