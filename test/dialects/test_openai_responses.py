"""OpenAI Responses streams: what the rules say of the odd and the damaged ones."""

import typing
from typing import Any

from openai.types.responses import ResponseStreamEvent
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dialects import DecodedResponse
from ccsproxy.exchange.record import Error
from test.dialects.exchanges import read, sse

SKELETON = {"id": "r", "object": "response", "status": "in_progress", "model": "gpt", "output": []}
CREATED = {"type": "response.created", "response": SKELETON}
MESSAGE = {"type": "message", "id": "i", "role": "assistant", "content": []}
SAID = {"type": "output_text", "text": "hi", "annotations": []}


def added(index: int, item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def told(kind: str, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": index, **more}


def completed(output: Any, **more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": {**SKELETON, "status": "completed", "output": output, **more}}


def answer(*events: Any, whole: bool = True) -> DecodedResponse:
    return read(sse(events), "openai_responses", whole=whole)


class ResponsesStreamTests(SynchronousTestCase):
    """The rules for the final object and its items."""

    def test_an_empty_output_is_filled_in(self) -> None:
        """ChatGPT's backend ends with no output although it streamed some."""
        for nothing in ([], None):
            got = answer(CREATED, added(0, MESSAGE), done(0, {**MESSAGE, "content": [SAID]}), completed(nothing))
            self.assertEqual(got.body["output"], [{**MESSAGE, "content": [SAID]}])
            self.assertEqual((got.complete, got.faults), (True, ("output_backfilled",)))

    def test_the_terminal_output_wins(self) -> None:
        """Its items may bear other ids than the streamed ones."""
        final = {**MESSAGE, "id": "other", "content": [SAID]}
        got = answer(CREATED, added(0, MESSAGE), done(0, {**MESSAGE, "id": "x"}), completed([final]))
        self.assertEqual((got.body["output"], got.faults), ([final], ()))

    def test_fewer_items_than_were_streamed(self) -> None:
        """The terminal object wins, but what was streamed is kept beside it."""
        got = answer(CREATED, done(0, MESSAGE), done(1, {**MESSAGE, "id": "j"}), completed([MESSAGE]))
        self.assertEqual((len(got.body["output"]), len(got.body["_streamed_output"])), (1, 2))
        self.assertEqual(got.faults, ("output_mismatch",))

    def test_ids_may_rotate(self) -> None:
        """State goes by ``output_index``: the ids of GitHub Copilot change from event to event."""
        part = told("content_part.added", item_id="b", content_index=0, part={**SAID, "text": ""})
        text = told("output_text.delta", item_id="c", content_index=0, delta="hi")
        self.assertEqual(answer(CREATED, added(0, MESSAGE), part, text).body["output"][0]["content"], [SAID])

    def test_every_kind_of_delta(self) -> None:
        """Each text grows in its own place."""
        table = [
            ("function_call", "function_call_arguments", {}, {"arguments": "{}"}),
            ("custom_tool_call", "custom_tool_call_input", {}, {"input": "{}"}),
            ("mcp_call", "mcp_call_arguments", {}, {"arguments": "{}"}),
            ("code_interpreter_call", "code_interpreter_call_code", {}, {"code": "{}"}),
            ("shell_call", "shell_call_command", {"command_index": 0}, {"action": {"commands": ["{}"]}}),
            ("apply_patch_call", "apply_patch_call_operation_diff", {}, {"operation": {"diff": "{}"}}),
            ("message", "refusal", {"content_index": 0}, {"content": [{"type": "refusal", "refusal": "{}"}]}),
            (
                "reasoning",
                "reasoning_text",
                {"content_index": 0},
                {"content": [{"type": "reasoning_text", "text": "{}"}]},
            ),
            (
                "reasoning",
                "reasoning_summary_text",
                {"summary_index": 0},
                {"summary": [{"type": "summary_text", "text": "{}"}]},
            ),
        ]
        for kind, stem, where, expected in table:
            deltas = [told(f"{stem}.delta", **where, delta=piece) for piece in "{}"]
            got = answer(CREATED, added(0, {"type": kind}), *deltas, whole=False)
            self.assertEqual(got.body["output"], [{"type": kind, **expected}])
            self.assertEqual((got.faults, got.complete), ((), False))

    def test_done_overrides_deltas(self) -> None:
        """The final value of a text wins over its pieces, a finished part and item over theirs."""
        deltas = [
            told("function_call_arguments.delta", delta="{"),
            told("function_call_arguments.done", arguments="{}"),
        ]
        got = answer(CREATED, added(0, {"type": "function_call"}), *deltas)
        self.assertEqual(got.body["output"][0]["arguments"], "{}")

    def test_shell_output(self) -> None:
        """What a command prints grows by command."""
        item = {"type": "shell_call_output", "output": []}
        pieces = [told("shell_call_output_content.delta", command_index=0, delta={"stdout": piece}) for piece in "ab"]
        self.assertEqual(answer(CREATED, added(0, item), *pieces).body["output"][0]["output"], [{"stdout": "ab"}])

    def test_states_of_tools(self) -> None:
        """The state of a tool is the status of its item."""
        got = answer(CREATED, added(0, {"type": "web_search_call"}), told("web_search_call.searching"))
        self.assertEqual(got.body["output"], [{"type": "web_search_call", "status": "searching"}])

    def test_failure(self) -> None:
        """A failed response tells its error."""
        error = {"code": "server_error", "message": "broke"}
        failed = {"type": "response.failed", "response": {**SKELETON, "status": "failed", "error": error}}
        self.assertEqual(answer(CREATED, failed).error, Error("server_error", "broke"))

    def test_failure_without_words(self) -> None:
        """A response that failed is none that was complete, also where its error is null."""
        for error in ({}, {"error": None}):
            failed = {"type": "response.failed", "response": {**SKELETON, "status": "failed", **error}}
            self.assertEqual(answer(CREATED, failed).error, Error("failed", "the response failed"))

    def test_error_events(self) -> None:
        """Flat or nested, they end the response as failed, with the items so far."""
        flat = {"type": "error", "code": "rate_limit", "message": "slow down", "param": None, "sequence_number": 3}
        nested = {"type": "error", "status": 429, "error": {"type": "rate_limit", "message": "slow down"}}
        for event in (flat, nested):
            got = answer(CREATED, added(0, MESSAGE), event)
            self.assertEqual((got.error, got.complete), (Error("rate_limit", "slow down"), False))
            self.assertEqual((got.body["status"], got.body["output"]), ("failed", [MESSAGE]))
            self.assertEqual(got.body["error"], {"code": "rate_limit", "message": "slow down"})

    def test_unknown_and_side_events(self) -> None:
        """Both are kept; only what nobody knows is a fault."""
        limits, strange = {"type": "codex.rate_limits", "x": 1}, {"type": "response.future.delta", "delta": "x"}
        got = answer(limits, CREATED, strange, completed([]))
        self.assertEqual((got.body["_side_events"], got.body["_unparsed_events"]), ([limits], [strange]))
        self.assertEqual(got.faults, ("unknown_event",))

    def test_two_responses(self) -> None:
        """The first of two is kept beside the second."""
        again = {"type": "response.created", "response": {**SKELETON, "id": "s"}}
        end = completed([], id="s")
        got = answer(CREATED, completed([MESSAGE]), again, end)
        self.assertEqual((got.body["id"], got.body["_superseded"][0]["output"]), ("s", [MESSAGE]))
        self.assertEqual((got.faults, got.complete), (("second_response",), True))

    def test_sequence_gaps(self) -> None:
        """A gap in the numbers says that an event was lost; a late start or no numbers do not."""
        self.assertEqual(
            answer({**CREATED, "sequence_number": 5}, {**completed([]), "sequence_number": 6}).faults, ()
        )
        got = answer({**CREATED, "sequence_number": 0}, {**completed([]), "sequence_number": 2})
        self.assertEqual(got.faults, ("sequence_gap",))

    def test_stop_reasons(self) -> None:
        """The reason of an incomplete response counts, else its status."""
        self.assertEqual(answer(CREATED, completed([])).stop_reason, "completed")
        self.assertIsNone(answer(CREATED).stop_reason)
        cancelled = {**SKELETON, "status": "cancelled"}
        got = answer(CREATED, {"type": "response.cancelled", "response": cancelled})
        self.assertEqual((got.stop_reason, got.complete, got.faults), ("cancelled", True, ()))
        cut = {**SKELETON, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        got = answer(CREATED, {"type": "response.incomplete", "response": cut})
        self.assertEqual((got.stop_reason, got.complete), ("max_output_tokens", True))

    def test_invalid_arguments(self) -> None:
        """Arguments stay text in this dialect; what is no JSON is flagged."""
        call = {"type": "function_call", "arguments": "{oops", "status": "completed"}
        self.assertEqual(answer(CREATED, done(0, call), completed([call])).faults, ("invalid_tool_json",))

    def test_a_delta_of_an_item_that_was_not_announced(self) -> None:
        """A resumed stream begins anywhere: the text is kept in an item that says so."""
        got = answer(told("output_text.delta", item_id="i", content_index=0, delta="hi"))
        item = {
            "type": "message",
            "id": "i",
            "_missing_start": True,
            "content": [{"type": "output_text", "text": "hi"}],
        }
        self.assertEqual((got.body["output"], got.faults), ([item], ("missing_item_start",)))

    def test_unknown_fields_of_events(self) -> None:
        """A field that no event has is kept with the event's type."""
        got = answer({**CREATED, "novel": 1}, completed([]))
        self.assertEqual(got.body["_event_fields"], [{"type": "response.created", "novel": 1}])
        self.assertEqual(got.faults, ("unknown_field",))


class KnownEventsTests(SynchronousTestCase):
    """The vendor's own list of events."""

    def test_every_event_of_the_sdk_is_known(self) -> None:
        """Each event of the SDK's union finds its place, with all of its fields."""
        for model in typing.get_args(typing.get_args(ResponseStreamEvent)[0]):
            (kind,) = typing.get_args(model.model_fields["type"].annotation)
            event = {name: _VALUES.get(name, "{}") for name in model.model_fields} | {"type": kind}
            if kind == "response.shell_call_output_content.delta":
                event["delta"] = {"stdout": "x"}
            faults = set(answer(event).faults) - {"missing_item_start"}
            self.assertEqual(faults, set(), kind)


#: Values of the fields that are not texts.
_VALUES = {
    **dict.fromkeys(("output_index", "content_index", "summary_index", "command_index", "annotation_index"), 0),
    **{key: {"type": "message"} for key in ("item", "part", "annotation", "response")},
    "sequence_number": 0,
    "output": [],
}
