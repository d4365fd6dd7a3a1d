"""Chat Completions streams in the manner of many servers."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage
from test.dialects.exchanges import read, sse

DONE = b"data: [DONE]\n\n"


def chunk(delta: Any = None, index: int = 0, finish: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def answer(*events: Any, ending: bytes = DONE, whole: bool = True) -> DecodedResponse:
    return read(sse(events) + ending, "openai_chat", whole=whole)


def message(*deltas: Any) -> dict[str, Any]:
    return answer(*map(chunk, deltas), chunk(finish="stop")).body["choices"][0]["message"]


def call(index: int | None, arguments: str = "", **more: Any) -> dict[str, Any]:
    where = {} if index is None else {"index": index}
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"tool_calls": [{**where, **more, "function": {**name, "arguments": arguments}}]}


class ChatStreamTests(SynchronousTestCase):
    """The rules for choices, messages and tool calls."""

    def test_the_end(self) -> None:
        """``[DONE]`` ends a stream; without it, so does the end of a body whose choices finished."""
        self.assertTrue(answer(chunk(), chunk(finish="stop")).complete)
        self.assertTrue(answer(chunk(), chunk(finish="stop"), ending=b"").complete)
        self.assertFalse(answer(chunk(), chunk(finish="stop"), ending=b"", whole=False).complete)
        self.assertFalse(answer(chunk(), ending=b"").complete)

    def test_choices_in_any_order(self) -> None:
        """Choices go by their index, whichever comes first."""
        got = answer(chunk({"content": "b"}, 1), chunk({"content": "a"}, 0), chunk({"content": "B"}, 1))
        self.assertEqual([choice["message"]["content"] for choice in got.body["choices"]], ["a", "bB"])
        self.assertEqual(got.body["object"], "chat.completion")

    def test_repeated_ids_and_names(self) -> None:
        """What a relay repeats is not concatenated."""
        first, again = (
            call(0, "{", id="x", name="f", type="function"),
            call(0, "}", id="x", name="f", type="function"),
        )
        expected = [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        made = message({"role": "assistant", **first}, {"role": "assistant", **again})
        self.assertEqual((made["role"], made["tool_calls"]), ("assistant", expected))

    def test_calls_without_an_index(self) -> None:
        """They are told apart by their id, and what has none belongs to the last."""
        made = message(call(None, "{", id="x", name="f"), call(None, "}"), call(None, "1", id="y", name="g"))
        self.assertEqual([c["function"]["arguments"] for c in made["tool_calls"]], ["{}", "1"])

    def test_calls_that_share_an_index(self) -> None:
        """Several whole calls under one index are several calls."""
        got = answer(chunk(call(0, "{}", id="x", name="f")), chunk(call(0, "[]", id="y", name="g")))
        calls = got.body["choices"][0]["message"]["tool_calls"]
        self.assertEqual([one["id"] for one in calls], ["x", "y"])
        self.assertEqual(got.faults, ("tool_index_reused",))

    def test_details_of_calls_that_are_none(self) -> None:
        """What stands where the details of a call belong is kept aside when they come after all."""
        odd = {"tool_calls": [{"index": 0, "id": "a", "function": True}]}
        got = answer(chunk(odd), chunk(call(0, "{}", name="f")), chunk(finish="tool_calls"))
        self.assertEqual(
            got.body["choices"][0]["message"]["tool_calls"],
            [{"id": "a", "function": {"name": "f", "arguments": "{}"}, "_unparsed_deltas": [{"function": True}]}],
        )
        self.assertIn("changed_field", got.faults)

    def test_custom_tools_and_function_call(self) -> None:
        """Both older and newer kinds of calls grow."""
        custom = [{"tool_calls": [{"index": 0, "id": "x", "type": "custom", "custom": {"name": "p", "input": "a"}}]}]
        custom.append({"tool_calls": [{"index": 0, "custom": {"input": "b"}}]})
        self.assertEqual(message(*custom)["tool_calls"][0]["custom"], {"name": "p", "input": "ab"})
        legacy = [{"function_call": {"name": "f", "arguments": "{"}}, {"function_call": {"arguments": "}"}}]
        self.assertEqual(message(*legacy)["function_call"], {"name": "f", "arguments": "{}"})

    def test_arguments_that_are_no_json(self) -> None:
        """They are flagged as damage, unless the answer was cut by its length."""
        for finish, fault in (("tool_calls", "invalid_tool_json"), ("length", "partial_tool_json")):
            got = answer(chunk(call(0, '{"a', id="x", name="f")), chunk(finish=finish))
            self.assertEqual(got.faults, (fault,))

    def test_reasoning(self) -> None:
        """DeepSeek's and OpenRouter's thoughts are texts; details grow by their index."""
        made = message({"reasoning_content": "a", "content": None}, {"reasoning_content": "b", "content": None})
        self.assertEqual(made, {"reasoning_content": "ab", "content": None})
        details = [{"type": "reasoning.text", "text": "a", "format": "f", "index": 0}]
        more = [{"type": "reasoning.text", "text": "b", "format": "f", "index": 0, "signature": "s"}]
        made = message(
            {"reasoning": "a", "reasoning_details": details}, {"reasoning": "b", "reasoning_details": more}
        )
        self.assertEqual(made["reasoning"], "ab")
        self.assertEqual(made["reasoning_details"], [{**details[0], "text": "ab", "signature": "s"}])

    def test_content_in_parts(self) -> None:
        """Mistral's content may be a list of parts, or parts and strings in turn."""
        thought = [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]} for piece in "ab"]
        made = message({"content": [thought[0]]}, {"content": [thought[1]]}, {"content": "c"}, {"content": "d"})
        expected = [
            {"type": "thinking", "thinking": [{"type": "text", "text": "ab"}]},
            {"type": "text", "text": "cd"},
        ]
        self.assertEqual(made["content"], expected)

    def test_azure(self) -> None:
        """A first chunk of empty values does not shadow the real ones; filter results are kept."""
        first = {"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": [1]}
        last = chunk(finish="stop")
        last["choices"][0]["content_filter_results"] = {"hate": {"filtered": False}}
        got = answer(first, chunk({"content": "a"}), last)
        self.assertEqual((got.body["id"], got.response_model), ("c", "m"))
        self.assertEqual(got.body["prompt_filter_results"], [1])
        self.assertEqual(got.body["choices"][0]["content_filter_results"], {"hate": {"filtered": False}})

    def test_an_error_chunk(self) -> None:
        """OpenRouter tells errors within the stream."""
        error = {"error": {"code": 502, "message": "provider gone"}, **chunk(finish="error")}
        got = answer(chunk({"content": "a"}), error)
        self.assertEqual((got.error, got.complete), (Error("502", "provider gone"), False))
        self.assertEqual(got.body["choices"][0]["message"]["content"], "a")

    def test_usage(self) -> None:
        """Usage comes in a chunk of its own or on the last one; a later null does not erase it."""
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
        got = answer(chunk(), chunk(finish="stop", usage=usage), chunk(usage=None))
        self.assertEqual(got.usage, Usage(input_tokens=6, output_tokens=2, cache_read_input_tokens=4, raw=usage))

    def test_logprobs_and_audio(self) -> None:
        """Lists extend; the pieces of speech concatenate."""
        events = [chunk({"audio": {"id": "a", "data": piece}}) for piece in "xy"]
        for event, entry in zip(events, (1, 2), strict=True):
            event["choices"][0]["logprobs"] = {"content": [entry], "refusal": None}
        choice = answer(*events).body["choices"][0]
        self.assertEqual(choice["logprobs"]["content"], [1, 2])
        self.assertEqual(choice["message"]["audio"], {"id": "a", "data": "xy"})

    def test_unknown_members(self) -> None:
        """Unknown members of a delta are joined or kept once, of a choice and a chunk by their last value."""
        odd = chunk({"odd": "x"}, service="s")
        odd["choices"][0]["matched_stop"] = 7
        got = answer(odd, chunk({"odd": "y"}))
        choice = got.body["choices"][0]
        self.assertEqual(choice["message"]["odd"], "xy")
        self.assertEqual((choice["matched_stop"], got.body["service"], got.faults), (7, "s", ("unknown_delta",)))

    def test_members_of_vendors(self) -> None:
        """What vendors add to each delta is kept once, or joined: no copy of it for each token."""
        deltas = [
            {"content": "a", "token_id": 7, "channel": "analysis", "index": 0, "graph_data": {"sources": []}},
            {"content": "b", "token_id": 8, "channel": "analysis", "index": 1, "executed_tools": [{"index": 0}]},
            {"content": "c", "token_id": 9, "channel": "final", "executed_tools": [{"index": 0, "output": "o"}]},
            {"graph_data": {"status": "done"}, "executed_tools": [{"index": 1}]},
        ]
        made = message(*deltas)
        self.assertEqual(
            {key: made[key] for key in made if key != "content"},
            {
                "token_id": 9,
                "channel": "final",
                "index": 1,
                "graph_data": {"sources": [], "status": "done"},
                "executed_tools": [{"index": 0, "output": "o"}, {"index": 1}],
            },
        )
        self.assertEqual(answer(*map(chunk, deltas)).faults, ())

    def test_thoughts_of_litellm(self) -> None:
        """The pieces of a thought are one block until its signature; equal pieces are all kept."""
        pieces = ["the ", "the ", "end"]
        deltas: list[dict[str, Any]] = [{"thinking_blocks": None}]
        deltas += [{"thinking_blocks": [{"type": "thinking", "thinking": piece}]} for piece in pieces]
        deltas += [{"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]}]
        deltas += [{"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]}]
        deltas += [{"thinking_blocks": [{"type": "thinking", "thinking": "more"}]}, {"content": "x"}]
        self.assertEqual(
            message(*deltas)["thinking_blocks"],
            [
                {"type": "thinking", "thinking": "the the end", "signature": "s"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "thinking", "thinking": "more"},
            ],
        )
        self.assertEqual(answer(*map(chunk, deltas)).faults, ())

    def test_unknown_members_in_every_delta(self) -> None:
        """A text that every delta repeats is kept once; lists grow by what is new, numbers always."""
        deltas = [{"content": "x", "odd": "same", "links": ["a"], "ids": [1]} for _ in range(50)]
        made = message(*deltas, {"links": ["a", "b"]})
        self.assertEqual((made["odd"], made["links"], made["ids"]), ("same", ["a", "b"], [1] * 50))
        self.assertNotIn("_unparsed_deltas", made)

    def test_ids_that_change_in_every_delta(self) -> None:
        """What should not change and does is kept in a few examples."""
        made = message(*({"role": f"role-{number}"} for number in range(100)))
        self.assertEqual((made["role"], len(made["_unparsed_deltas"])), ("role-0", 8))

    def test_usage_elsewhere(self) -> None:
        """Groq puts usage into ``x_groq``, Moonshot into the choice, Kimi's cached tokens stand at its top."""
        usage = {"prompt_tokens": 18, "completion_tokens": 73, "total_tokens": 91}
        groq = answer(chunk({"content": "a"}), chunk(finish="stop", x_groq={"id": "r", "usage": usage})).usage
        last = chunk(finish="stop")
        last["choices"][0]["usage"] = usage
        for got in (groq, answer(chunk({"content": "a"}), last).usage):
            self.assertEqual(got, Usage(input_tokens=18, output_tokens=73, raw=usage))
        kimi = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101, "cached_tokens": 80}
        got = answer(chunk(finish="stop"), {**chunk(), "choices": [], "usage": kimi}).usage
        self.assertEqual(got, Usage(input_tokens=20, output_tokens=1, cache_read_input_tokens=80, raw=kimi))

    def test_the_tier(self) -> None:
        """The tier stands beside the usage."""
        usage = {"prompt_tokens": 1, "completion_tokens": 2}
        got = answer(chunk(finish="stop", usage=usage, service_tier="flex")).usage
        assert got is not None
        self.assertEqual(got.service_tier, "flex")

    def test_parallel_calls_without_ids(self) -> None:
        """Calls that have neither index nor id, or share an index, are told apart by name, place and arguments."""
        f, g = {"name": "f", "arguments": '{"x":1}'}, {"name": "g", "arguments": '{"y":2}'}
        again = {"name": "f", "arguments": '{"x":2}'}
        one = [{"tool_calls": [{"function": f}, {"function": g}]}]
        for deltas, expected in (
            (one, [f, g]),
            ([{"tool_calls": [{"function": f}, {"function": again}]}], [f, again]),
            ([{"tool_calls": [{"index": 0, "function": each}]} for each in (f, g)], [f, g]),
            ([{"tool_calls": [{"index": 0, "function": each}]} for each in (f, again, g)], [f, again, g]),
            ([{"tool_calls": [{"function": each}]} for each in (f, g, again)], [f, g, again]),
            ([{"tool_calls": [{"index": 0, "id": "", "function": each}]} for each in (f, g)], [f, g]),
        ):
            made = message(*json.loads(json.dumps(deltas)))
            self.assertEqual([each["function"] for each in made["tool_calls"]], expected, deltas)

    def test_pieces_of_calls_without_ids(self) -> None:
        """Pieces go to the call of the same place, or to the last one; a repeated name begins nothing by itself."""
        begun = [{"function": {"name": name, "arguments": ""}} for name in "fg"]
        pieces = [{"function": {"arguments": text}} for text in ('{"a":1}', '{"b":2}')]
        made = message({"tool_calls": begun}, {"tool_calls": pieces})
        self.assertEqual([each["function"]["arguments"] for each in made["tool_calls"]], ['{"a":1}', '{"b":2}'])
        named = [{"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": t}}]} for t in '{"a":{}}']
        made = message(*named)
        self.assertEqual([each["function"]["arguments"] for each in made["tool_calls"]], ['{"a":{}}'])

    def test_numbers_for_words(self) -> None:
        """A finish reason that is a number is kept as a word."""
        self.assertEqual(answer(chunk({"content": "a"}), chunk(finish=1)).stop_reason, "1")

    def test_an_error_in_a_choice(self) -> None:
        """OpenRouter tells of a provider's failure in the choice."""
        last = chunk(finish="error")
        last["choices"][0]["error"] = {"code": 502, "message": "provider gone"}
        self.assertEqual(answer(chunk({"content": "a"}), last).error, Error("502", "provider gone"))

    def test_errors_without_words(self) -> None:
        """An answer that ends with an error failed, whether or not its server says why; Groq says it elsewhere."""
        for got in (
            answer(chunk({"content": "a"}), chunk(finish="error")),
            read(json.dumps(answer(chunk({"content": "a"}), chunk(finish="error")).body).encode(), "openai_chat"),
        ):
            self.assertEqual(
                (got.error, got.complete), (Error("error", "the model ended with an error"), got.complete)
            )
        over = {"id": "c", "object": "chat.completion.chunk", "choices": [], "x_groq": {"error": "over capacity"}}
        self.assertEqual(answer(chunk({"content": "a"}), over).error, Error("error", "over capacity"))

    def test_errors_that_are_no_event(self) -> None:
        """llama.cpp writes a failure as a field of its own."""
        ending = b'error: {"error": {"code": 500, "message": "failed to decode"}}\n\n'
        got = answer(chunk({"content": "a"}), ending=ending)
        self.assertEqual((got.error, got.complete), (Error("500", "failed to decode"), False))

    def test_nothing_but_the_end(self) -> None:
        """A stream that is only ``[DONE]``, or has no choice, is no answer."""
        for events in ((), ({"id": "c", "choices": [], "usage": {"prompt_tokens": 1}},)):
            got = answer(*events)
            assert got.missing is not None
            self.assertEqual((got.complete, got.missing.kind), (False, "empty_answer"))

    def test_what_is_no_content(self) -> None:
        """Roles, empty texts, empty calls and empty thoughts are no first content."""
        silent = [
            {"role": "assistant", "content": ""},
            {"reasoning_content": "", "content": None},
            {"reasoning_details": [{"type": "reasoning.text", "text": "", "index": 0}]},
            {"tool_calls": [{"index": 0, "id": "x", "function": {"arguments": ""}}]},
            {"tool_calls": []},
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": ""}]}]},
            {"function_call": {"arguments": ""}},
        ]
        pieces = [sse([chunk(delta)]) for delta in silent]
        self.assertIsNone(read(pieces, "openai_chat").first_token_ms)
        self.assertEqual(read([*pieces, sse([chunk({"content": "x"})])], "openai_chat").first_token_ms, len(silent))

    def test_legacy_completions(self) -> None:
        """Their choices hold a text."""
        events = [
            {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": piece}]} for piece in "ab"
        ]
        got = answer(*events)
        self.assertEqual((got.body["object"], got.body["choices"]), ("text_completion", [{"index": 0, "text": "ab"}]))
