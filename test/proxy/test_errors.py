"""Tests of `ccsproxy.proxy.errors`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.proxy import errors

#: The types that contract section 10 names for the body of a 502 or 504.
TYPES = {"upstream_timeout", "upstream_unreachable", "tls_handshake_failed", "upstream_error"}


class RelayErrorTests(SynchronousTestCase):
    """Each failure names its outcome, kind, status and sentence."""

    def test_every_upstream_failure_has_a_type_of_the_contract(self) -> None:
        """What answers 502 or 504 has one of the four types."""
        for name in dir(errors):
            cls = getattr(errors, name)
            if isinstance(cls, type) and issubclass(cls, errors.RelayError) and cls.status in (502, 504):
                self.assertIn(cls.error_type, TYPES, name)
                self.assertIsInstance(cls.outcome, Outcome)

    def test_timeouts_share_a_type_and_differ_in_kind(self) -> None:
        """A 504's type is upstream_timeout; the record's kind says which limit it was."""
        kinds = {
            errors.ConnectTimeout: "connect_timeout",
            errors.FirstByteTimeout: "first_byte_timeout",
            errors.IdleTimeout: "idle_timeout",
        }
        for cls, kind in kinds.items():
            self.assertEqual((cls.status, cls.error_type, cls.kind), (504, "upstream_timeout", kind))

    def test_what_was_never_sent_says_so(self) -> None:
        """In the sentence, and with the request's bytes for whoever tries again."""
        error = errors.NeverSent(b"GET /")
        self.assertEqual((error.request, error.kind), (b"GET /", "upstream_reset_before_response"))
        self.assertIn("before the request was sent", str(error))

    def test_a_reset_in_the_body_has_its_own_kind(self) -> None:
        """A reset and a clean close are told apart in the record."""
        self.assertEqual(errors.UpstreamTruncated("x").kind, "upstream_truncated")
        self.assertEqual(errors.UpstreamTruncated("x", reset=True).kind, "upstream_reset")
        self.assertEqual(errors.UpstreamTruncated("a sentence").message, "a sentence")
