"""JSON: the record is all there."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.formats import EXCHANGE, SESSION
from ccsproxy.exports.payload import encoded
from ccsproxy.exports.session.session import NOTHING
from test.exports.records import UPSTREAMS, make_record


class JsonTests(SynchronousTestCase):
    """JSON and JSON lines."""

    def test_round_trip(self) -> None:
        """The record is all there."""
        record = make_record()
        self.assertEqual(json.loads("".join(EXCHANGE["json"].write(record, {}))), record)
        lines = "".join(SESSION["jsonl"].write({}, [record, record], {}, NOTHING)).splitlines()
        self.assertEqual([json.loads(line) for line in lines], [record, record])

    def test_lone_surrogates(self) -> None:
        """Text that UTF-8 has no bytes for is written as a JSON escape and read back."""
        record = make_record(model="\ud800")
        for name in EXCHANGE:
            encoded("".join(EXCHANGE[name].write(record, UPSTREAMS)))
        self.assertEqual(json.loads(encoded("".join(EXCHANGE["json"].write(record, {})))), record)
