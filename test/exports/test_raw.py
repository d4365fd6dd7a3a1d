"""Raw HTTP: both messages, and what is missing of them."""

from twisted.trial.unittest import SynchronousTestCase

from test.exports.records import make_request
from test.exports.writing import write


class RawTests(SynchronousTestCase):
    """HTTP messages."""

    def test_both_messages(self) -> None:
        """The request with its lines as spelled, an empty line, the response."""
        text = write("raw")
        self.assertTrue(text.startswith("POST /v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n"))
        self.assertIn("\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: ping\n", text)

    def test_missing_things_are_named(self) -> None:
        """No response, a cut response and a body that was not kept are said in brackets."""
        self.assertIn("[no response: refused]", write("raw", response=None, outcome="refused"))
        self.assertIn("[cut off: shutdown]", write("raw", partial=True, outcome="shutdown"))
        self.assertIn(
            "[77 bytes of unknown type: not kept]", write("raw", request=make_request(body=None, headers={}))
        )
