"""Tests of request, response, headers and the raw record of a call."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.about import view_of
from ccsproxy.dashboard.exchange.bodies import (
    RAW,
    SHOWN,
    body_json,
    headers_part,
    raw_part,
    request_part,
    response_part,
)
from ccsproxy.dashboard.html.blocks import Place
from ccsproxy.dashboard.html.budget import RenderBudget
from ccsproxy.dialects.views.view import RequestView
from test.dashboard import specimens
from test.dashboard.reading_page import Element, shown


class RequestTests(SynchronousTestCase):
    """The request as it reads."""

    def request(self, record: dict[str, Any], everything: bool = False) -> Element:
        """Show a record's request."""
        return shown(request_part(record, view_of(record), Place(RenderBudget()), everything))

    def test_the_newest_messages(self) -> None:
        """So many are shown, with a link to the rest, unless all are asked for."""
        messages = [{"role": "user", "content": f"message {n}."} for n in range(SHOWN + 2)]
        record = specimens.record(1, "anthropic", specimens.anthropic_body(*messages), None)
        page = self.request(record)
        self.assertEqual(len(page.all("article", data_testid="message")), SHOWN)
        self.assertEqual(page.one("p", class_="note").text, "Show 2 earlier messages")
        self.assertIn("message 0.", self.request(record, everything=True).text)

    def test_bodies_that_are_no_requests(self) -> None:
        """A text, a list, none, one that was not kept, one that is binary: each says what it is."""
        for body, more, said in (
            ("hello", {}, "hello"),
            ([1, 2], {}, "2"),
            (None, {"body_bytes": 0}, "There is no body."),
            (None, {"body_bytes": 9}, "was not kept: 9 bytes"),
            (None, {"body_bytes": 9, "body_base64": "AAAA"}, "binary: 9 bytes"),
        ):
            self.assertIn(said, self.request({"session_id": "s", "seq": 1, "request": {"body": body, **more}}).text)


class ResponseTests(SynchronousTestCase):
    """The answer as it reads."""

    def response(self, record: dict[str, Any]) -> Element:
        """Show a record's answer."""
        return shown(response_part(record, RequestView(), Place(RenderBudget())))

    def test_forms(self) -> None:
        """A message, a text, a stream that could not be put together, or nothing."""
        self.assertIn("parse_header", self.response(specimens.anthropic()).text)
        self.assertIn("oops", self.response({"response": {"body_reassembled": "oops"}}).text)
        self.assertIn("data: x", self.response({"response": {"stream": {"text": "data: x"}}}).text)
        self.assertIn("no answer", self.response({}).text)


class HeadersTests(SynchronousTestCase):
    """Both heads."""

    def test_order_and_meaning(self) -> None:
        """The fields in the order in which they were sent, limits with their meaning, and trailers."""
        record = specimens.anthropic()
        record["response"]["headers_raw"].append(["Retry-After", "4"])
        record["response"]["trailers"] = [["X-Sum", "1"]]
        page = shown(headers_part(record))
        self.assertEqual([each.text for each in page.all("pre")],
                         ["POST /v1/messages?beta=true HTTP/1.1", "HTTP/1.1 200 OK"])  # fmt: skip
        names = [each.text for each in page.all("th")]
        self.assertEqual(names[:3] + names[-2:], ["Host", "X-Api-Key", "Content-Type", "Retry-After", "X-Sum"])
        self.assertIn("to wait", page.one("small").text)
        self.assertIn("no fields", shown(headers_part({"request": {"method": "GET", "path": "/"}})).text)


class RawTests(SynchronousTestCase):
    """The record as it is kept."""

    def test_the_stream_stands_beside(self) -> None:
        """And is only named in the record."""
        page = shown(raw_part(specimens.anthropic(), "/all"))
        self.assertIn('"stream": "(below)"', page.one("section", id="record").text)
        self.assertIn("event: message_start", page.one("section", id="stream").text)

    def test_long_ones_are_cut(self) -> None:
        """And how much is missing is said, with the way to all of it; nothing before that is lost."""
        text = "x" * (RAW + 5)
        page = shown(body_json({"body": text}, "body", "/all"))
        self.assertIn("5 characters more", page.text)
        self.assertEqual(page.text.count("x"), RAW)
        self.assertIn("no body", shown(body_json(None, "body", "/all")).text)
