"""Tests of what a ``Content-Encoding`` names."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.coding import codings, is_known


class CodingNamesTests(SynchronousTestCase):
    """Values as servers write them."""

    def test_names(self) -> None:
        """Parameters, quotes, lists and what is no coding at all."""
        for header, expected in (
            ("gzip", ["gzip"]),
            ("gzip;q=1", ["gzip"]),
            ('"gzip"', ["gzip"]),
            ("UTF-8, gzip", ["gzip"]),
            ("x-gzip , BR", ["gzip", "br"]),
            ("identity", []),
            ("none", []),
            ("", []),
            ("aes128gcm", ["aes128gcm"]),
        ):
            self.assertEqual(codings(header), expected, header)
        self.assertTrue(is_known("utf-8, gzip;level=9"))
        self.assertFalse(is_known("aes128gcm"))
