"""The bodies of records of every version."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.payload import Payload, encoded, header_pairs, request_payload, response_payload
from test.exports.records import make_record, make_request


class PayloadTests(SynchronousTestCase):
    """Text, bytes, and nothing."""

    def test_request(self) -> None:
        """JSON is written on one line; text stays as it is; binary bodies are bytes."""
        self.assertEqual(request_payload(make_record(request=make_request(body={"a": 1}))).text, '{"a":1}')
        self.assertEqual(request_payload(make_record(request=make_request(body="a b"))).text, "a b")
        binary = request_payload(make_record(request=make_request(body=None, body_base64="AAE=")))
        self.assertEqual((binary.text, binary.content), (None, b"\0\1"))

    def test_damaged_base64(self) -> None:
        """What cannot be read counts as not kept."""
        payload = request_payload(make_record(request=make_request(body=None, body_base64="A")))
        self.assertFalse(payload.is_kept)
        self.assertEqual(payload.missing, "[77 bytes of application/json: not kept]")

    def test_response(self) -> None:
        """A stream as it came goes before what was made of it; version 1 has it under another name."""
        self.assertEqual(response_payload(make_record()).text, "event: ping\ndata: {}\n\n")
        old = {"raw_sse_text": "data: 1\n\n", "body_reassembled": {"a": 1}}
        self.assertEqual(response_payload(make_record(response=old)).text, "data: 1\n\n")
        self.assertEqual(response_payload(make_record(response={"body_reassembled": {"a": 1}})).text, '{"a":1}')
        self.assertFalse(response_payload(make_record(response=None)).is_kept)

    def test_nothing_is_missing_of_an_empty_body(self) -> None:
        """No bytes on the wire, nothing that is not there."""
        self.assertEqual(Payload(None, None, "", 0).missing, "")

    def test_header_lines(self) -> None:
        """Lines as they were; of a record of version 1 its mapping."""
        self.assertEqual(header_pairs({"headers_raw": [["A", "1"], ["a", "2"]]}), [("A", "1"), ("a", "2")])
        self.assertEqual(header_pairs({"headers": {"a": "1"}}), [("a", "1")])

    def test_lone_surrogates(self) -> None:
        """They become the escape that JSON has for them."""
        self.assertEqual(encoded("\ud800"), b"\\ud800")
