"""What the gate keeps of an exchange while it lasts: `ccsproxy.capture.recorder.secrets.redaction`."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.headers import HeaderLines
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.exchange.record import Client, Record, Started
from ccsproxy.redaction import Redactor
from test.exports.records import make_record

LINES = b"Host: x\r\nX-Api-Key: sk-mock-0000000000000000\r\nAccept: a\r\nAccept: b\r\n"


def started() -> Started:
    """Return an announcement."""
    return Started(
        id="i", seq=1, session_id="s", started_at="2026-11-30T00:00:00.000Z", upstream="u", dialect=None,
        category="model", model=None, client=Client(), method="POST", path="/v1/messages", headers={},
    )  # fmt: skip


class HeaderLinesTests(SynchronousTestCase):
    """The header lines are redacted once, and the same whenever they are asked for."""

    def test_a_long_wait_changes_nothing(self) -> None:
        """Packed for a stream's minutes or not, the lines are those that were redacted."""
        lines, gate = HeaderLines(LINES), RedactionGate(Redactor())
        gate.session(None, lines)
        before = gate.started(started(), lines)
        gate.wait_long()
        gate.wait_long()
        self.assertEqual(gate.started(started(), lines), before)
        self.assertEqual(before.headers["accept"], "a, b")
        self.assertNotIn("sk-mock", str(before))

    def test_a_wait_before_anything_is_known(self) -> None:
        """There is nothing to pack then."""
        lines, gate = HeaderLines(LINES), RedactionGate(Redactor())
        gate.wait_long()
        self.assertNotIn("sk-mock", str(gate.started(started(), lines)))


class PlaceTests(SynchronousTestCase):
    """Places of a record that are none of an ordinary call."""

    key = "sk-ant-" + "api03-9" + "QXZJKV" * 4

    def redacted(self, **changes: Any) -> str:
        record = msgspec.convert(make_record(capture={}), Record)
        changed = msgspec.structs.replace(record, **changes)
        return msgspec.json.encode(RedactionGate(Redactor()).record(changed, "", HeaderLines(LINES))).decode()

    def test_host_of_a_tunnel(self) -> None:
        """It names the upstream, and may be anything."""
        host = f"{self.key}.example.com"
        said = self.redacted(upstream=host, upstream_url=f"https://{host}:443", transport="tunnel")
        self.assertNotIn("QXZJKV", said)
        self.assertIn(".example.com:443", said)

    def test_what_only_the_answer_names(self) -> None:
        """A password that the answer names goes from the request as well, and each place is reported once."""
        password = "Hunter" + "2xyzQ9"
        record = msgspec.convert(make_record(capture={}), Record)
        assert record.response is not None
        body = {"messages": [{"role": "user", "content": f"is it {password}?"}]}
        changed = msgspec.structs.replace(
            record,
            request=msgspec.structs.replace(record.request, body=body, headers_raw=[("x-note", f"see {password}")]),
            response=msgspec.structs.replace(record.response, body_reassembled={"text": f"DB_PASSWORD={password}\n"}),
        )
        clean = RedactionGate(Redactor()).record(
            changed, "", HeaderLines(b"X-Note: see " + password.encode() + b"\r\n")
        )
        self.assertNotIn(password, msgspec.json.encode(clean).decode())
        self.assertEqual(clean.capture.redactions, 3)

    def test_frames_of_an_unknown_protocol(self) -> None:
        """A secret goes on from one frame into the next, and each stays a line."""
        lines = "".join(f'{{"type":"delta","text":"{each}"}}\n' for each in ("say " + self.key[:20], self.key[20:]))
        record = msgspec.convert(make_record(capture={}), Record)
        assert record.response is not None
        response = msgspec.structs.replace(record.response, body_reassembled=lines)
        said = self.redacted(response=response, transport="websocket")
        self.assertNotIn("QXZJKV", said)
        self.assertEqual(said.count('{\\"type\\":\\"delta\\"'), 2)

    def test_form_of_several_parts(self) -> None:
        """Its fields are judged by their names."""
        body = '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nQXZJKV1QXZJKV\r\n--b--\r\n'
        record = msgspec.convert(make_record(capture={}), Record)
        request = msgspec.structs.replace(record.request, body=body)
        lines = HeaderLines(b"Content-Type: multipart/form-data; boundary=b\r\n")
        clean = RedactionGate(Redactor()).record(msgspec.structs.replace(record, request=request), "", lines)
        self.assertEqual(clean.request.body, body.replace("QXZJKV1QXZJKV", "<redacted>"))
