"""Tests of records made of Claude Code's own body files; shapes as versions 2.1.197 and 2.1.332 wrote them."""

import json
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import Redactor, Rules, Tagger
from ccsproxy.store.imports.bodies import ANSWERED_WITHIN, BodyImport, Numbers
from ccsproxy.store.imports.body_files import calls_in, is_body_folder
from ccsproxy.tools.store.redacting import redacted

SID = "849836b9-3d9d-4787-9e45-0d79f72c059f"
SENT = 1_796_000_000.0
USAGE = {"input_tokens": 100, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 1000, "output_tokens": 20}


def request(model: str = "claude-opus-5-5", text: str = "fix the login bug") -> dict[str, Any]:
    """Return a request body as it is written."""
    billing = "x-anthropic-billing-header: cc_version=2.1.332.11b; cc_entrypoint=sdk-cli; cch=00000;"
    return {
        "model": model,
        "system": [{"type": "text", "text": billing}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
        "metadata": {"user_id": json.dumps({"device_id": "d", "account_uuid": "", "session_id": SID})},
        "max_tokens": 10,
        "stream": True,
    }


def response(number: int, model: str = "claude-opus-5-5") -> dict[str, Any]:
    """Return an answer as it is written."""
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Done."}], "usage": USAGE}  # fmt: skip


class BodyImportTests(SynchronousTestCase):
    """A folder as Claude Code leaves it becomes records."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.now = SENT + 60

    def put(self, name: str, value: Any, at: float) -> None:
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
        os.utime(path, (at, at))

    def call(self, number: int, at: float, seconds: float = 1.0, model: str = "claude-opus-5-5") -> None:
        self.put(f"r{number}.request.json", request(model), at)
        self.put(f"req_{number}.response.json", response(number, model), at + seconds)

    def indexed(self, number: int, ended: str) -> None:
        names = {"request_file": f"r{number}.request.json", "response_file": f"req_{number}.response.json"}
        entry = {"timestamp": ended, "request_id": f"req_{number}", **names}
        with (self.folder / "index.jsonl").open("a") as index:
            index.write(json.dumps(entry) + "\n")

    def reading(self, numbers: Numbers | None = None) -> BodyImport:
        return BodyImport(
            self.folder,
            lambda record: redacted(record, Redactor(True, Rules(Tagger(b"k" * 32)))),
            lambda session: numbers or Numbers(),
            lambda: self.now,
        )

    def test_a_call(self) -> None:
        """Who called, what it cost, how long it took, and that it was imported; what no file contains_terms is
        null."""
        self.call(1, SENT, 1.5)
        (record,) = self.reading().records()
        self.assertEqual((record["session_id"], record["seq"], record["request_id"]), (SID, 1, "req_1"))
        self.assertEqual((record["duration_ms"], record["ttft_ms"], record["outcome"]), (1500.0, None, "complete"))
        self.assertEqual((record["client"]["name"], record["client"]["version"]), ("claude-code", "2.1.332"))
        self.assertEqual((record["usage"]["cache_read_input_tokens"], record["stop_reason"]), (1000, "end_turn"))
        self.assertEqual(record["capture"]["faults"], ["imported"])
        self.assertEqual(record["response"]["body_reassembled"]["content"][0]["text"], "Done.")
        self.assertEqual((record["request"]["headers"], record["upstream_url"]), ({}, None))

    def test_secrets_are_redacted(self) -> None:
        """A key in a prompt does not come into the store."""
        key = "sk-ant-api03-" + "A1b2C3d4" * 12
        self.put("r1.request.json", request(text=f"use {key}"), SENT)
        self.put("req_1.response.json", response(1), SENT + 1)
        (record,) = self.reading().records()
        self.assertNotIn(key, json.dumps(record))
        self.assertEqual(record["capture"]["redactions"], 1)

    def test_a_guess_is_marked(self) -> None:
        """Where two calls of one model wait, nothing but the order says whose an answer is."""
        self.put("r1.request.json", request(), SENT)
        self.put("r2.request.json", request(), SENT + 1)
        self.put("req_1.response.json", response(1), SENT + 2)
        self.put("req_2.response.json", response(2), SENT + 3)
        first, second = self.reading().records()
        self.assertIn("response_matched_by_time", first["capture"]["faults"])
        self.assertEqual((first["request_id"], second["request_id"]), ("req_1", "req_2"))

    def test_models_tell_parallel_calls_apart(self) -> None:
        """A title call that is answered later than the main call is no guess."""
        self.put("r1.request.json", request("claude-haiku-4-5"), SENT)
        self.put("r2.request.json", request(), SENT + 1)
        self.put("req_2.response.json", response(2), SENT + 2)
        self.put("req_1.response.json", response(1, "claude-haiku-4-5-20251001"), SENT + 3)
        self.assertEqual([record["request_id"] for record in self.reading().records()], ["req_1", "req_2"])
        self.assertFalse(any(call.guessed for call in calls_in(self.folder)))

    def test_the_index_wins(self) -> None:
        """What belongs together stands in the index, and when the answer was whole; it names files, not paths."""
        self.call(1, SENT)
        self.call(2, SENT + 0.5)
        self.indexed(2, "2026-11-30T00:53:21.500Z")
        named = {call.request.name: call for call in calls_in(self.folder)}
        self.assertEqual(named["r2.request.json"].request_id, "req_2")
        self.assertEqual(named["r1.request.json"].response, self.folder / "req_1.response.json")

    def test_copied_files_have_no_times(self) -> None:
        """When the times of the files do not agree with the index, only the index's time is taken."""
        self.call(1, SENT)
        self.indexed(1, "2026-01-01T00:00:00.000Z")
        (record,) = self.reading().records()
        self.assertEqual((record["duration_ms"], record["started_at"]), (None, "2026-01-01T00:00:00.000Z"))
        self.assertIn("times_unknown", record["capture"]["faults"])

    def test_unanswered(self) -> None:
        """A call without an answer is waited for, and is then one whose ending nobody knows."""
        self.put("r1.request.json", request(), SENT)
        reading = self.reading()
        self.assertEqual(list(reading.records()), [])
        self.now = SENT + ANSWERED_WITHIN + 1
        (record,) = reading.records()
        self.assertEqual((record["outcome"], record["error"]["kind"]), ("unclean", "no_response_file"))
        self.assertEqual((record["partial"], record["usage"], record["response"]), (True, None, None))

    def test_again(self) -> None:
        """Looking again yields what is new; the store's own exchanges are known by the provider's name for them."""
        self.call(1, SENT)
        self.call(2, SENT + 2)
        reading = self.reading(Numbers(7, {"req_1"}))
        self.assertEqual([record["seq"] for record in reading.records()], [8])
        self.call(3, SENT + 4)
        self.assertEqual([record["seq"] for record in reading.records()], [9])
        self.assertEqual((reading.report.records, reading.report.known), (2, 1))

    def test_damaged_files(self) -> None:
        """Half a file, a list, a link: each costs itself and says so; the others come in."""
        self.call(1, SENT)
        self.put("r2.request.json", '{"model": "cla', SENT - ANSWERED_WITHIN - 100)
        self.put("r3.request.json", [], SENT - ANSWERED_WITHIN - 100)
        (self.folder / "r4.request.json").symlink_to("/etc/passwd")
        (self.folder / "index.jsonl").write_text('{"request_file": "r1.req\n[]\nnull\n')
        reading = self.reading()
        self.assertEqual([record["request_id"] for record in reading.records()], ["req_1"])
        self.assertEqual(len(reading.report.skipped), 2)

    def test_folders(self) -> None:
        """A folder without such files is none."""
        self.assertFalse(is_body_folder(self.folder))
        self.call(1, SENT)
        self.assertTrue(is_body_folder(self.folder))
