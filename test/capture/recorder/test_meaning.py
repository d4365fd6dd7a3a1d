"""What records say of calls, with the real dialects: endings, counts, times."""

import json
from typing import Any

import msgspec

from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.clients import identify
from ccsproxy.dialects import detect
from ccsproxy.exchange.outcome import is_error
from ccsproxy.exchange.record import Record
from test.capture.fakes import JSON, ending, request_head, response_head
from test.capture.recorder.test_recorder import RecorderCase

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-5",
    "output": [],
    "usage": {"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010},
}


class MeaningCase(RecorderCase):
    """A recorder that knows every dialect."""

    meaning = Interpreters(detect, identify)

    def call(
        self, path: str, asked: Any, answer: Any, method: bytes = b"POST", content_type: tuple[bytes, bytes] = JSON
    ) -> Record:
        """Play one exchange; what is asked and answered is JSON, or bytes as they are."""
        number = len(self.store.records) + 1
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        headers = [(b"Content-Length", str(len(body)).encode())] if body else [(b"Host", b"localhost")]
        head = request_head(f"e{number}", headers, path.encode())
        self.begin(number, msgspec.structs.replace(head, method=method))
        if body:
            self.ask(body, number)
        self.answer(response_head(200, content_type), *([said] if said else []), number=number)
        return self.end(request=len(body), response=len(said), number=number)


class AnsweredTests(MeaningCase):
    """Whether a call was answered."""

    def test_nothing(self) -> None:
        """A call that asked and got nothing has failed; one that asked nothing has not."""
        asked = {"model": "m", "messages": []}
        for body, outcome in (
            (asked, "upstream_error"),
            (b"{}", "complete"),
            (b"body", "complete"),
            (b"", "complete"),
        ):
            self.assertEqual(self.call("/v1/messages", body, b"").outcome, outcome, body)

    def test_what_is_not_known_of_the_request(self) -> None:
        """A request of which a part was not kept may well have asked something."""
        long = {"model": "m", "messages": [{"role": "user", "content": "x" * 20_000}]}
        self.assertEqual(self.call("/v1/messages", long, b"").outcome, "upstream_error")

    def test_errors(self) -> None:
        """An error in a 200 is the upstream's; the record says which."""
        record = self.call("/v1/messages", {"model": "m"}, {"type": "error", "error": {"type": "a", "message": "b"}})
        assert record.error is not None
        self.assertEqual((record.outcome, record.error.kind, record.error.message), ("upstream_error", "a", "b"))
        self.assertEqual((record.partial, record.ttft_ms), (False, None))

    def test_refused_handshakes(self) -> None:
        """A WebSocket that is not relayed is no error, and lacks no body; every other refusal is an error."""
        self.begin(1, msgspec.structs.replace(request_head("e1"), method=b"GET"))
        refused = ending("refused", "upgrade_refused", "please use HTTP", whole=False)
        record = self.end(msgspec.structs.replace(refused, request_whole=False))
        self.assertEqual((record.outcome, record.capture.faults), ("refused", []))
        self.assertFalse(is_error("refused", "upgrade_refused"))
        self.assertTrue(is_error("refused", "bad_request"))
        self.assertTrue(is_error("upstream_error", "upgrade_refused"))
        self.assertFalse(is_error("complete", None))


class CountedTests(MeaningCase):
    """Whether tokens are counted, and once."""

    def usage(self, path: str, answer: Any, method: bytes = b"GET") -> int | None:
        usage = self.call(path, {"model": "m", "input": "x"} if method == b"POST" else b"", answer, method).usage
        return None if usage is None else usage.input_tokens

    def test_stored_answers_that_are_read_again(self) -> None:
        """Only the call that made an answer counts, however often it is read, listed or cancelled."""
        self.assertEqual(self.usage("/v1/responses", RESPONSE, b"POST"), 1000)
        for _ in range(3):
            self.assertIsNone(self.usage("/v1/responses/resp_1", RESPONSE))
        self.assertIsNone(self.usage("/v1/responses/resp_1/cancel", RESPONSE, b"POST"))
        chat = {"id": "c", "object": "chat.completion", "choices": [{"message": {}}], "usage": {"prompt_tokens": 7}}
        self.assertIsNone(self.usage("/v1/chat/completions/c", chat))
        self.assertEqual(self.store.records[-1].category, "other")
        run = {"id": "run_1", "object": "thread.run", "status": "completed", "usage": {"prompt_tokens": 7}}
        self.assertIsNone(self.usage("/v1/threads/t/runs/run_1", run))

    def test_an_answer_in_the_background(self) -> None:
        """What was begun without counts is counted where it is read first with them, and not again."""
        begun = {**RESPONSE, "status": "queued", "usage": None}
        self.assertIsNone(self.usage("/v1/responses", begun, b"POST"))
        self.assertIsNone(self.usage("/v1/responses/resp_1", begun))
        counts = [self.usage("/v1/responses/resp_1", RESPONSE) for _ in range(3)]
        self.assertEqual(counts, [1000, None, None])

    def test_counts_that_are_too_large(self) -> None:
        """They are null, and the record says so."""
        record = self.call("/v1/responses", {"model": "m"}, {**RESPONSE, "usage": {"input_tokens": 2**63}})
        assert record.usage is not None
        self.assertEqual((record.usage.input_tokens, record.capture.faults), (None, ["count_too_large"]))
