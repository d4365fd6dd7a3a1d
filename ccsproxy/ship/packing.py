"""Compression of shipped data: gzip, which every receiver supports, and zstd for those known to support it.

zlib at its default level took most of the processor time of shipping. ISA-L (package ``isal``) is ten times as fast
for nearly the same size; if it is not installed, zlib's fastest level is used. zstd detects what an agent repeats in
each call of a batch, which lies far beyond gzip's window of 32 KiB.
"""

import importlib
import zlib
from typing import Any

import zstandard

igzip: Any = None
try:
    igzip = importlib.import_module("isal.igzip")
except ImportError:  # no wheel for this platform, or the extra ``ship`` is not installed
    pass

#: zstd's default level.
_ZSTD = 3


def gzipped(data: bytes) -> bytes:
    """Compress for any receiver; deterministic, without a time stamp."""
    if igzip is not None:
        return bytes(igzip.compress(data, compresslevel=3, mtime=0))
    packing = zlib.compressobj(1, wbits=31)
    return packing.compress(data) + packing.flush()


def zstd_packed(data: bytes) -> bytes:
    """Compress for a receiver that supports zstd."""
    return zstandard.ZstdCompressor(level=_ZSTD).compress(data)
