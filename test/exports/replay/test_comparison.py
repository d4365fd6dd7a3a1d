"""Tests of calls beside one another."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.usage import Usage
from ccsproxy.exports.replay.comparison import ReplaySide, answer_lines, as_json, recorded_side, table_lines, usage_of
from ccsproxy.providers.cost import Cost

ANSWER = {
    "role": "assistant",
    "content": [
        {"type": "text", "text": "one two three"},
        {"type": "tool_use", "name": "Bash", "id": "t", "input": {}},
    ],
}


def side(title: str = "again", answer: object = ANSWER, **more: object) -> ReplaySide:
    usage = Usage(input_tokens=100, cache_read_input_tokens=900, output_tokens=5)
    known: dict = {"usage": usage, "cost": 0.5, "cost_at_least": None, "ttft_ms": 1500.0, "duration_ms": 61_000.0}
    known |= {"model": "m", "outcome": "complete", "status": 200, "stop_reason": "tool_use", "error": "", **more}
    return ReplaySide(title=title, dialect="anthropic", answer=answer, **known)


class TableTests(SynchronousTestCase):
    """The figures."""

    def test_columns(self) -> None:
        failed = side(
            "again 2",
            None,
            outcome="http_error",
            status=529,
            usage=None,
            cost=None,
            ttft_ms=None,
            error="busy",
            stop_reason=None,
        )
        self.assertEqual(
            list(table_lines([side("s/1"), failed])),
            [
                "         s/1        again 2",
                "model    m          m",
                "ended    complete   http_error 529",
                "stop     tool_use",
                "sent     1.0k",
                "cached   90%",
                "out      5",
                "cost     $0.50      -",
                "ttft     1.5 s",
                "time     1:01       1:01",
                "calls    Bash",
            ],
        )

    def test_a_bound(self) -> None:
        self.assertIn("cost     ≥ $0.25", list(table_lines([side(cost=None, cost_at_least=0.25)])))

    def test_answers(self) -> None:
        other = side("b", None, error="the upstream\ncould not be reached")
        self.assertEqual(
            list(answer_lines([side("a"), other], 45)),
            [
                "a                     | b",
                "one two three         | (the upstream",
                "                      | could not be reached)",
            ],
        )
        self.assertEqual(list(answer_lines([side("a", {"content": []})], 40))[1], "(no words)")


class RecordTests(SynchronousTestCase):
    """A record's side."""

    def test_of_a_record(self) -> None:
        record = {
            "dialect": "anthropic",
            "model": "m",
            "outcome": "upstream_truncated",
            "error": {"kind": "k", "message": "cut"},
            "usage": {"input_tokens": 3, "raw": {"x": 1}},
            "response": {"status": 200, "body_reassembled": ANSWER},
            "ttft_ms": 1,
            "duration_ms": 2,
        }
        made = recorded_side(record, "s/1", Cost(None, at_least=0.1))
        self.assertEqual(
            (made.model, made.text, made.calls, made.error, made.cost_at_least),
            ("m", "one two three", ["Bash"], "cut", 0.1),
        )
        self.assertEqual(as_json(made)["usage"]["input_tokens"], 3)
        self.assertEqual(as_json(made)["tool_calls"], ["Bash"])
        self.assertIsNone(usage_of({"usage": {"input_tokens": "many"}}))
