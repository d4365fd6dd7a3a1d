"""Anthropic streams: what the rules say of the odd and the damaged ones."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import read, sse


def start(ident: str = "m", **more: Any) -> dict[str, Any]:
    message = {"id": ident, "type": "message", "role": "assistant", "model": "claude", "content": [], **more}
    return {"type": "message_start", "message": message}


def block(index: int, **value: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": value}


def delta(index: int, kind: str, **value: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **value}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


END = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}, {"type": "message_stop"}]


def answer(*events: Any, whole: bool = True) -> DecodedResponse:
    return read(sse(events), "anthropic", whole=whole)


class AnthropicStreamTests(SynchronousTestCase):
    """The rules for blocks and deltas."""

    def test_events_without_json_type_go_by_their_name(self) -> None:
        """A relay may leave the type to the event's name."""
        data = b'event: message_start\ndata: {"message": {"id": "m"}}\n\nevent: message_stop\ndata: {}\n\n'
        got = read(data, "anthropic")
        self.assertEqual((got.body, got.complete), ({"id": "m", "content": []}, True))

    def test_names_are_not_needed(self) -> None:
        """Nor are the names, where there is a type."""
        self.assertTrue(read(sse([start(), *END], named=False), "anthropic").complete)

    def test_tool_input_that_is_no_json(self) -> None:
        """It is kept as it came, and flagged."""
        tool = block(0, type="tool_use", id="t", name="n", input={})
        broken = delta(0, "input_json_delta", partial_json='{"a": oops')
        got = answer(start(), tool, broken, stop(0), *END)
        self.assertEqual(got.body["content"][0]["_raw_input"], '{"a": oops')
        self.assertEqual((got.body["content"][0]["input"], got.faults), ({}, ("invalid_tool_json",)))

    def test_tool_input_that_is_cut(self) -> None:
        """A stream that ends within a tool input is not called damaged."""
        tool = block(0, type="tool_use", id="t", name="n", input={})
        got = answer(start(), tool, delta(0, "input_json_delta", partial_json='{"a": "b'), whole=False)
        self.assertEqual(got.body["content"][0]["_raw_input"], '{"a": "b')
        self.assertEqual((got.complete, got.faults), (False, ("partial_tool_json",)))

    def test_tool_input_without_deltas(self) -> None:
        """An input that the start of the block holds stays, whether there are empty deltas or none."""
        for more in ((), (delta(0, "input_json_delta", partial_json=""),)):
            tool = block(0, type="server_tool_use", id="t", name="n", input={"q": 1})
            got = answer(start(), tool, *more, stop(0), *END)
            self.assertEqual((got.body["content"][0]["input"], got.faults), ({"q": 1}, ()))

    def test_numbers_survive(self) -> None:
        """Integers of any size are not rounded."""
        tool = block(0, type="tool_use", id="t", name="n", input={})
        got = answer(
            start(), tool, delta(0, "input_json_delta", partial_json='{"n": 123456789012345678901}'), stop(0)
        )
        self.assertEqual(got.body["content"][0]["input"], {"n": 123456789012345678901})

    def test_index_gaps(self) -> None:
        """Blocks are ordered by index; a gap is flagged and loses nothing."""
        events = [start(), block(4, type="text", text="b"), stop(4), block(1, type="text", text="a"), stop(1), *END]
        got = answer(*events)
        self.assertEqual([part["text"] for part in got.body["content"]], ["a", "b"])
        self.assertEqual(got.faults, ("index_gap",))

    def test_a_delta_without_its_block(self) -> None:
        """The content is kept in a block that says that its start is missing."""
        got = answer(start(), delta(0, "text_delta", text="lost"), *END)
        self.assertEqual(got.body["content"], [{"type": "text", "text": "lost", "_missing_start": True}])
        self.assertEqual(got.faults, ("missing_block_start",))

    def test_a_repeated_message_start(self) -> None:
        """The same start again, before anything happened, changes nothing."""
        got = answer(start(), start(), block(0, type="text", text="a"), *END)
        self.assertEqual((len(got.body["content"]), got.faults), (1, ("repeated_message_start",)))

    def test_a_second_message(self) -> None:
        """A message that another one interrupts is kept beside it."""
        got = answer(
            start("one"), block(0, type="text", text="a"), start("two"), block(0, type="text", text="b"), *END
        )
        self.assertEqual((got.body["id"], got.body["content"][0]["text"]), ("two", "b"))
        self.assertEqual(got.body["_superseded"][0]["content"], [{"type": "text", "text": "a"}])
        self.assertEqual((got.faults, got.complete), (("second_message_start",), True))

    def test_a_mid_stream_error(self) -> None:
        """The content so far stays; the error is told, also with its details."""
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded", "details": 1}}
        got = answer(start(usage={"input_tokens": 9}), block(0, type="text", text="a"), error)
        self.assertEqual((got.complete, got.error), (False, Error("overloaded_error", "Overloaded")))
        self.assertEqual(got.body["content"], [{"type": "text", "text": "a"}])
        self.assertEqual(got.body["_errors"], [{"error": error["error"]}])
        self.assertEqual(got.usage, Usage(input_tokens=9, output_tokens_at_least=1, raw={"input_tokens": 9}))

    def test_a_stream_that_breaks_off(self) -> None:
        """What message_start says of the output is a placeholder: the words that came are the bound."""
        begun = start(usage={"input_tokens": 9, "output_tokens": 1})
        text = block(0, type="text", text="one two three")
        got = answer(begun, text).usage
        assert got is not None
        self.assertEqual((got.input_tokens, got.output_tokens, got.output_tokens_at_least), (9, None, 3))
        ended = answer(begun, text, {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}}).usage
        assert ended is not None
        self.assertEqual((ended.output_tokens, ended.output_tokens_at_least), (5, None))
        use = block(0, type="tool_use", id="t", name="f", input={})
        piece = {"type": "input_json_delta", "partial_json": '{"cmd": "ls -la /tmp/some/where'}
        cut = answer(begun, use, {"type": "content_block_delta", "index": 0, "delta": piece}).usage
        assert cut is not None
        self.assertEqual(cut.output_tokens_at_least, 6)

    def test_results_of_tools_are_no_output(self) -> None:
        """What a tool of the provider answered was not written by the model."""
        found = block(0, type="web_search_tool_result", tool_use_id="t", content=[{"text": "many words of a page"}])
        got = answer(start(usage={"input_tokens": 9, "output_tokens": 1}), found).usage
        assert got is not None
        self.assertEqual((got.output_tokens, got.output_tokens_at_least), (None, 1))

    def test_a_missing_end(self) -> None:
        """Without ``message_stop`` a stream is not complete, and says what it said."""
        got = answer(start(), block(0, type="text", text="a"), END[0])
        self.assertEqual((got.complete, got.stop_reason), (False, "end_turn"))

    def test_unknown_events_deltas_and_fields(self) -> None:
        """Nothing that is not known is dropped."""
        strange = {"type": "strange", "x": 1}
        odd = delta(0, "odd_delta", odd=[1])
        got = answer(start(), strange, {**block(0, type="text", text="a"), "more": 2}, odd, *END)
        self.assertEqual(got.body["_unparsed_events"], [strange])
        self.assertEqual(got.body["content"][0]["_unparsed_deltas"], [odd["delta"]])
        self.assertEqual(got.body["_event_fields"], [{"type": "content_block_start", "index": 0, "more": 2}])
        self.assertEqual(set(got.faults), {"unknown_event", "unknown_delta", "unknown_field"})

    def test_fallback(self) -> None:
        """A fallback to another model names that one."""
        took = block(0, type="fallback", **{"from": {"model": "claude"}, "to": {"model": "other"}})
        self.assertEqual(answer(start(), took, stop(0), *END).response_model, "other")

    def test_usage_is_cumulative(self) -> None:
        """Later counts replace earlier ones; null and absent ones leave them."""
        end = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7, "input_tokens": None}}
        got = answer(start(usage={"input_tokens": 5, "output_tokens": 1}), end)
        assert got.usage is not None
        self.assertEqual((got.usage.input_tokens, got.usage.output_tokens), (5, 7))

    def test_first_token(self) -> None:
        """A tool's start is content, an empty text's is not."""
        tool = block(0, type="tool_use", id="t", name="n", input={})
        self.assertEqual(read([sse([start()]), sse([tool])], "anthropic").first_token_ms, 1.0)
        empty = block(0, type="text", text="")
        self.assertIsNone(read([sse([start()]), sse([empty])], "anthropic").first_token_ms)
