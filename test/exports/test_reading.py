"""An exchange arranged for reading."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.reading import sections, title
from test.exports.records import UPSTREAMS, make_record, make_request


class ReadingTests(SynchronousTestCase):
    """Sections of facts and blocks."""

    def test_title(self) -> None:
        """Number, method and path, whatever of them is there."""
        self.assertEqual(title(make_record()), "7. POST /v1/messages?beta=true")
        self.assertEqual(title({"seq": 1}), "1. GET /")

    def test_sections(self) -> None:
        """Overview first, the answer last; unknown numbers are left out."""
        found = {section.title: section for section in sections(make_record(), UPSTREAMS)}
        self.assertEqual(next(iter(found)), "Overview")
        self.assertEqual(list(found)[-1], "Response")
        self.assertEqual(dict(found["Overview"].facts)["url"], "https://api.anthropic.com/v1/messages?beta=true")
        self.assertEqual(dict(found["Usage"].facts), {"input_tokens": "3", "cache_read_input_tokens": "0"})

    def test_errors_and_cuts(self) -> None:
        """What went wrong is said in the overview; without a response there is no section of one."""
        record = make_record(response=None, partial=True, error={"kind": "refused", "message": "no"})
        found = {section.title: section for section in sections(record, UPSTREAMS)}
        self.assertEqual(dict(found["Overview"].facts)["error"], "refused: no")
        self.assertIn("partial", dict(found["Overview"].facts))
        self.assertNotIn("Response", found)

    def test_bodies_that_are_no_json(self) -> None:
        """Text as it is, bytes by their number, and what was not kept by name."""
        for changes, words in (
            ({"body": "plain"}, "plain"),
            ({"body": None, "body_base64": "AAE="}, "[2 bytes of application/json]"),
            ({"body": None}, "[77 bytes of application/json: not kept]"),
            ({"body": None, "body_bytes": 0}, "[no body]"),
        ):
            record = make_record(request=make_request(**changes))
            found = {section.title: section for section in sections(record, UPSTREAMS)}
            self.assertEqual(found["Request"].blocks[0].text, words)
