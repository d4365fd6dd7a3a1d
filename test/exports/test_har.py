"""Archives are valid HAR 1.2 and say what the record says."""

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.har import har, session_har
from test.effort import effort
from test.exports.har_schema import HAR
from test.exports.records import UPSTREAMS, make_record, make_request

MOMENTS = st.none() | st.floats(0, 1e6)


def read(pieces: Any) -> dict[str, Any]:
    """Parse an archive and check it against the schema."""
    archive = json.loads("".join(pieces))
    Draft202012Validator(HAR).validate(archive)
    return archive["log"]


class HarTests(SynchronousTestCase):
    """One exchange."""

    def entry(self, **changes: Any) -> dict[str, Any]:
        return read(har(make_record(**changes), UPSTREAMS))["entries"][0]

    def test_url_is_the_upstreams(self) -> None:
        """The URL and Host name the real upstream, not the proxy."""
        request = self.entry()["request"]
        self.assertEqual(request["url"], "https://api.anthropic.com/v1/messages?beta=true")
        self.assertIn({"name": "Host", "value": "api.anthropic.com"}, request["headers"])
        self.assertEqual(request["queryString"], [{"name": "beta", "value": "true"}])

    def test_routing_segment_and_base_path(self) -> None:
        """The segment that chose the upstream is gone and the base path is there."""
        entry = self.entry(upstream="local", request=make_request(path="/local/v1/x?y"))
        self.assertEqual(entry["request"]["url"], "http://127.0.0.1:9/base/v1/x?y")

    def test_phases_add_up(self) -> None:
        """The phases are those of the record and their sum is the whole time."""
        entry = self.entry()
        self.assertEqual(entry["time"], 1250)
        self.assertEqual((entry["timings"]["connect"], entry["timings"]["send"]), (20, 10))
        self.assertEqual((entry["timings"]["wait"], entry["timings"]["receive"]), (270, 950))

    def test_stream_is_the_content(self) -> None:
        """A streamed answer is kept as the stream that came."""
        content = self.entry()["response"]["content"]
        self.assertEqual(content["text"], "event: ping\ndata: {}\n\n")
        self.assertEqual(content["size"], 22)

    def test_no_response(self) -> None:
        """An exchange without a response has status 0 and says why."""
        entry = self.entry(response=None, error={"kind": "upstream_unreachable", "message": "refused"}, timing={})
        self.assertEqual(entry["response"]["status"], 0)
        self.assertEqual((entry["comment"], entry["_error"]["kind"]), ("refused", "upstream_unreachable"))

    def test_binary_bodies_are_base64(self) -> None:
        """Binary bodies are base64 and say so."""
        coded = base64.b64encode(b"\0\xff").decode()
        part = {"headers": {"content-type": "image/png"}, "body_base64": coded, "body_bytes": 2}
        entry = self.entry(request=make_request(body=None, **part), response={"status": 200, **part})
        self.assertEqual((entry["request"]["postData"]["text"], entry["response"]["content"]["text"]), (coded, coded))
        self.assertEqual(entry["response"]["content"]["encoding"], "base64")

    def test_version_1_record(self) -> None:
        """A record of version 1, with few members, gives a valid archive too."""
        record = {
            "seq": 1,
            "started_at": "2026-01-02T03:04:05.678Z",
            "request": {"method": "GET", "path": "/v1/models", "headers": {"a": "b"}, "body": None},
            "response": None,
        }
        self.assertTrue(read(har(record, UPSTREAMS))["entries"][0]["request"]["url"].endswith(".invalid/v1/models"))

    @settings(max_examples=effort(30), deadline=None)
    @given(
        st.fixed_dictionaries(dict.fromkeys(("connected", "request_sent", "headers"), MOMENTS)),
        MOMENTS,
        st.booleans(),
    )
    def test_any_timing_is_valid(self, timing: dict[str, Any], duration: float | None, reused: bool) -> None:
        """Whatever was measured or not, no phase is negative and they add up."""
        entry = self.entry(timing={**timing, "reused": reused}, duration_ms=duration)
        self.assertAlmostEqual(entry["time"], duration or 0, places=1)


class SessionHarTests(SynchronousTestCase):
    """A session."""

    def test_entries_in_order(self) -> None:
        """Each exchange is an entry, in the order in which they came."""
        log = read(session_har({"session_id": "s"}, iter([make_record(seq=1), make_record(seq=2)]), UPSTREAMS))
        self.assertEqual([entry["_seq"] for entry in log["entries"]], [1, 2])
        self.assertEqual(log["comment"], "s")

    def test_empty_session(self) -> None:
        """A session without exchanges is an archive without entries."""
        self.assertEqual(read(session_har({}, iter(()), UPSTREAMS))["entries"], [])

    def test_records_are_taken_one_by_one(self) -> None:
        """The next record is not read before the last one was written."""
        taken: list[int] = []

        def records() -> Any:
            for seq in range(3):
                taken.append(seq)
                yield make_record(seq=seq)

        pieces = session_har({}, records(), UPSTREAMS)
        next(pieces)
        next(pieces)
        self.assertEqual(taken, [0])
