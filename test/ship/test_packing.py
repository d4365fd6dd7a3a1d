"""What is sent can be unpacked by whoever gets it, and is the same each time."""

import gzip
import time

import zstandard
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship import packing
from ccsproxy.ship.packing import gzipped, zstd_packed


class PackingTests(SynchronousTestCase):
    """With and without the fast library."""

    @given(st.binary(max_size=5000))
    def test_unpacked(self, data: bytes) -> None:
        """Whatever it is."""
        self.assertEqual(gzip.decompress(gzipped(data)), data)
        self.assertEqual(zstandard.ZstdDecompressor().decompress(zstd_packed(data)) if data else b"", data)

    def test_without_the_library(self) -> None:
        """zlib stands in."""
        self.patch(packing, "igzip", None)
        self.assertEqual(gzip.decompress(gzipped(b"x" * 100_000)), b"x" * 100_000)

    def test_the_same_each_time(self) -> None:
        """A repeat has the bytes of the first, whatever the time: its signature differs by the time alone."""
        for library in (packing.igzip, None):
            self.patch(packing, "igzip", library)
            first = gzipped(b"batch")
            self.patch(time, "time", lambda: 5.0)
            self.assertEqual(gzipped(b"batch"), first)
