"""Tests of how an exchange really ended."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.ending import refine
from ccsproxy.dialects import Facts, detect
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.relayed import Ending, Timing

HTTP_ERROR = Ending("http_error", "upstream_http_error", "The upstream answered 529.", 0, Timing())


class HttpErrorTests(SynchronousTestCase):
    """An error status is explained by what the provider said with it."""

    def error(self, body: bytes) -> Error | None:
        """Return the error of a 529 with a body."""
        facts = Facts(
            provider="anthropic",
            forced="auto",
            method=b"POST",
            target=b"/v1/messages",
            request_body={"model": "m"},
            status=529,
            content_type="application/json",
        )
        dialect = detect(facts)
        reader = dialect.reader(facts)
        reader.feed(body, 1.0)
        return refine(HTTP_ERROR, 529, reader.finish(True), dialect.category, False).error

    def test_the_providers_own_words(self) -> None:
        """The message of the error body is part of the sentence."""
        body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
        self.assertEqual(self.error(body), Error("upstream_http_error", "The upstream answered 529: Overloaded"))

    def test_a_hint(self) -> None:
        """What the relay knows of the cause stands behind what the provider says."""
        told = Ending("http_error", "upstream_http_error", "The upstream answered 404. Look at it.", 0, Timing())
        error = refine(told, 404, None, "model", False).error
        self.assertEqual(error, Error("upstream_http_error", "The upstream answered 404. Look at it."))

    def test_nothing_said(self) -> None:
        """Without such a body the status has to do."""
        self.assertEqual(self.error(b"oops"), Error("upstream_http_error", "The upstream answered 529."))


class UnverifiedTests(SynchronousTestCase):
    """A body that only the end of its connection framed is as whole as its dialect says."""

    def outcome(self, body: bytes, unverified: bool) -> tuple[str, bool]:
        """Return outcome and partial of a JSON answer."""
        facts = Facts(
            provider="anthropic",
            forced="auto",
            method=b"POST",
            target=b"/v1/messages",
            request_body={"model": "m", "messages": []},
            status=200,
            content_type="application/json",
        )
        dialect = detect(facts)
        reader = dialect.reader(facts)
        reader.feed(body, 1.0)
        end = Ending("complete", "", "", 0, Timing(), eof_unverified=unverified)
        how = refine(end, 200, reader.finish(True), dialect.category, False)
        return how.outcome, how.partial

    def test_whole(self) -> None:
        """A whole message is complete."""
        body = b'{"type":"message","role":"assistant","content":[],"stop_reason":"end_turn"}'
        self.assertEqual(self.outcome(body, True), ("complete", False))

    def test_cut(self) -> None:
        """Half a message is not, although the client could not know."""
        self.assertEqual(self.outcome(b'{"type":"message","role":"assi', True), ("upstream_truncated", True))
