"""Tests of the upgrade: records of every version are read as today's, and say nothing that they did not know."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Record
from ccsproxy.exchange.upgrade import upgrade, working_directory


def version_1(**changes: Any) -> dict[str, Any]:
    """Return a record as ccs-proxy wrote it."""
    return {
        "seq": 3,
        "session_id": "2026-01-02T03-04-05-006Z-abcdef12",
        "request_id": "req_1",
        "started_at": "2026-01-02T03:04:06.000Z",
        "ended_at": "2026-01-02T03:04:07.500Z",
        "duration_ms": 1500,
        "ttft_ms": None,
        "request": {
            "method": "POST",
            "path": "/v1/messages?beta=true",
            "headers": {"User-Agent": "claude-cli/2.1.0 (external)", "x-api-key": "<redacted>"},
            "body": {"model": "m", "system": [{"type": "text", "text": "a\nPrimary working directory: /home/me\nb"}]},
        },
        "response": {
            "status": 200,
            "headers": {"content-type": "text/event-stream"},
            "body_reassembled": {"model": "m-1", "stop_reason": "end_turn", "content": []},
            "raw_sse_frames_count": 7,
        },
        "usage": {"input_tokens": 5, "output_tokens": 6, "cache_read_input_tokens": 2},
        "model": "m",
        "error": None,
        "partial": False,
        "schema_version": 1,
    } | changes


class UpgradeTests(SynchronousTestCase):
    """Version 1 becomes version 2."""

    def test_is_a_whole_record(self) -> None:
        """The upgraded record is one that today's readers take, with what version 1 knew."""
        record = msgspec.convert(upgrade(version_1()), Record)
        self.assertEqual(
            (record.seq, record.request_id, record.outcome, record.dialect), (3, "req_1", "complete", "anthropic")
        )
        self.assertEqual(
            (record.client.name, record.client.version, record.client.cwd), ("claude-code", "2.1.0", "/home/me")
        )
        self.assertEqual((record.response_model, record.stop_reason, record.duration_ms), ("m-1", "end_turn", 1500))
        self.assertEqual(record.request.headers["user-agent"], "claude-cli/2.1.0 (external)")
        assert record.usage is not None
        self.assertEqual((record.usage.input_tokens, record.usage.cache_creation_input_tokens), (5, None))

    def test_endings(self) -> None:
        """Each way in which version 1 wrote an ending has its outcome."""
        kind = {"kind": "tls_handshake_failed", "message": "x"}
        bad = version_1()["response"] | {"status": 529}
        for changes, outcome in [
            ({"error": kind, "response": None}, "tls_handshake_failed"),
            ({"error": {"kind": "sse_truncated", "message": ""}, "partial": True}, "upstream_truncated"),
            ({"response": bad}, "http_error"),
            ({"partial": True}, "upstream_truncated"),
            ({"response": None, "ended_at": None}, "unclean"),
            ({"response": None}, "upstream_error"),
        ]:
            self.assertEqual(upgrade(version_1(**changes))["outcome"], outcome)

    def test_same_record_gets_the_same_id(self) -> None:
        """Ids are made of what names the exchange, and sort by time."""
        first, again = upgrade(version_1()), upgrade(version_1())
        later = upgrade(version_1(seq=4, started_at="2026-01-02T03:04:06.001Z"))
        self.assertEqual(first["id"], again["id"])
        self.assertLess(first["id"], later["id"])

    def test_current_and_newer_versions_are_left_alone(self) -> None:
        """What needs no upgrade is returned as it is, also from a future version."""
        for version in (3, 99):
            record = {"schema_version": version, "anything": [1]}
            self.assertIs(upgrade(record), record)

    def test_version_2(self) -> None:
        """What version 2 did not know is null in version 3; what it said stays."""
        new = upgrade({"schema_version": 2, "id": "x", "labels": {"a": "b"}})
        self.assertEqual((new["id"], new["labels"], new["schema_version"]), ("x", {"a": "b"}, 3))
        self.assertEqual((new["upstream_url"], new["transport"], new["connection"]), (None, "http", None))

    def test_what_is_no_record_is_refused(self) -> None:
        """A value without a version, or without what names an exchange, is an error."""
        odd = (
            version_1(seq="3"),
            version_1(session_id="../x"),
            version_1(request=None),
            version_1(started_at="soon"),
        )
        for value in ({}, {"schema_version": "1"}, {"schema_version": True}, {"schema_version": 1}, *odd):
            self.assertRaises(ValueError, upgrade, value)

    def test_given_record_is_not_changed(self) -> None:
        """The upgrade leaves its argument as it was."""
        old = version_1()
        upgrade(old)
        self.assertEqual(old, version_1())

    def test_working_directory(self) -> None:
        """The directory is found in string and block prompts, and is null elsewhere."""
        self.assertEqual(working_directory({"system": "x\nPrimary working directory: /a b \ny"}), "/a b")
        for body in (None, [], {"system": 3}, {"system": [{"text": None}]}, {"system": "none"}):
            self.assertIs(working_directory(body), None)
