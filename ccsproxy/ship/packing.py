"""Compression of what is sent: gzip, which every receiver reads, and zstd for those that are known to.

zlib at its usual level took most of what shipping costs the processor. ISA-L (package ``isal``) is ten times as fast
for nearly the same size; where it is not installed, zlib's fastest level stands in. zstd finds what an agent sends
again with each call of a batch, which lies far beyond gzip's window of 32 KiB.
"""

import importlib
import zlib
from typing import Any

import zstandard

igzip: Any = None
try:
    igzip = importlib.import_module("isal.igzip")
except ImportError:  # no wheel for this machine, or the extra ``ship`` is not installed
    pass

#: zstd's usual level.
_ZSTD = 3


def gzipped(data: bytes) -> bytes:
    """Compress for any receiver; the same bytes for the same data, without a time in them."""
    if igzip is not None:
        return bytes(igzip.compress(data, compresslevel=3, mtime=0))
    packing = zlib.compressobj(1, wbits=31)
    return packing.compress(data) + packing.flush()


def zstd_packed(data: bytes) -> bytes:
    """Compress for a receiver that reads zstd."""
    return zstandard.ZstdCompressor(level=_ZSTD).compress(data)
