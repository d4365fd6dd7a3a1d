"""Tests for `ccsproxy.wire.coding`."""

import gzip
import random
import zlib

import brotli
import zstandard
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.wire.coding import DAMAGED, MISLABELLED, TOO_LARGE, TRUNCATED, UNKNOWN, Decoder, decode
from test.wire.splits import every_split

TEXT = b'data: {"type":"ping"}\n\n' * 3
LIMIT = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


class DecoderTests(SynchronousTestCase):
    """The content comes out, whatever codings are on it and however it was cut."""

    def read(
        self, pieces: list[bytes], header: str, limit: int = LIMIT, textual: bool = False
    ) -> tuple[bytes, list[str]]:
        decoder = Decoder(header, limit, textual)
        out = b"".join([decoder.feed(piece) for piece in pieces]) + decoder.finish()
        return out, decoder.faults

    def test_every_coding_at_every_split(self) -> None:
        """Each coding is removed, at any split."""
        for header, coder in [*CODERS.items(), ("deflate", raw_deflate), ("", bytes), ("identity", bytes)]:
            for pieces in every_split(coder(TEXT)):
                self.assertEqual(self.read(pieces, header), (TEXT, []), (header, pieces))

    def test_stacked(self) -> None:
        """Several codings are removed in reverse order."""
        body = CODERS["zstd"](CODERS["br"](CODERS["gzip"](TEXT)))
        for pieces in every_split(body):
            self.assertEqual(self.read(pieces, "gzip, BR , identity,zstd"), (TEXT, []))

    def test_members_and_frames(self) -> None:
        """Several gzip members, zstd frames and skippable frames are one body."""
        skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
        for pieces in every_split(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0\0"):
            self.assertEqual(self.read(pieces, "gzip"), (b"ab", []))
        for body in [
            zstandard.compress(b"a") + zstandard.compress(b"b"),
            skippable + zstandard.compress(b"ab") + skippable,
        ]:
            for pieces in every_split(body):
                self.assertEqual(self.read(pieces, "zstd"), (b"ab", []))

    def test_flushed_parts_come_at_once(self) -> None:
        """What the server flushed can be read before the body ends."""
        packer = zlib.compressobj(wbits=31)
        decoder = Decoder("gzip", LIMIT)
        for _ in range(3):
            self.assertEqual(decoder.feed(packer.compress(TEXT) + packer.flush(zlib.Z_SYNC_FLUSH)), TEXT)
        zpacker = zstandard.ZstdCompressor().compressobj()
        decoder = Decoder("zstd", LIMIT)
        for _ in range(3):
            self.assertEqual(
                decoder.feed(zpacker.compress(TEXT) + zpacker.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)), TEXT
            )
        bpacker = brotli.Compressor()
        decoder = Decoder("br", LIMIT)
        for _ in range(3):
            self.assertEqual(decoder.feed(bpacker.process(TEXT) + bpacker.flush()), TEXT)

    def test_truncated(self) -> None:
        """A cut body gives what can be read, and says so."""
        text = random.Random(1).randbytes(20000)
        for header, coder in CODERS.items():
            body = coder(text)
            for cut in (1, 3, 5, len(body) // 2, len(body) - 1):
                out, faults = self.read([body[:cut]], header)
                self.assertTrue(text.startswith(out))
                self.assertEqual(faults, [TRUNCATED], (header, cut))

    def test_empty_body(self) -> None:
        """A body that is not there (HEAD, 304) is no fault."""
        for header in CODERS:
            self.assertEqual(self.read([b""], header), (b"", []))

    def test_damaged(self) -> None:
        """A damaged body never raises and says so; what came before the damage is kept."""
        text = random.Random(2).randbytes(50000)
        checked = zstandard.ZstdCompressor(write_checksum=True)
        for header, coder in CODERS.items():
            body = bytearray(coder(text) if header != "zstd" else checked.compress(text))
            body[len(body) // 2 :] = random.Random(3).randbytes(len(body) - len(body) // 2)
            pieces = [bytes(body[i : i + 1000]) for i in range(0, len(body), 1000)]
            faults = self.read(pieces, header)[1]
            self.assertTrue(set(faults) <= {DAMAGED, TRUNCATED} and faults, (header, faults))

    def test_random_bytes_never_raise(self) -> None:
        """No input makes the decoder raise."""
        source = random.Random(4)
        for header in [*CODERS, "gzip, br", ""]:
            for start in (b"", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\x50\x2a\x4d\x18"):
                for _ in range(50):
                    self.read([start + source.randbytes(20), source.randbytes(100)], header, 1000, True)

    def test_bombs(self) -> None:
        """Output stops at the limit, and says so."""
        zeros = b"\0" * (16 << 20)
        for header, coder in [*CODERS.items(), ("", bytes)]:
            out, faults = self.read([coder(zeros), b"more"], header, 100000)
            self.assertEqual((len(out), faults), (100000, [TOO_LARGE]), header)

    def test_exactly_the_limit(self) -> None:
        """A body of just the allowed size is whole."""
        for header, coder in CODERS.items():
            self.assertEqual(self.read([coder(TEXT)], header, len(TEXT)), (TEXT, []))

    def test_lying_header(self) -> None:
        """Magic numbers and plain text are believed over the header."""
        for pieces in every_split(zstandard.compress(TEXT)):
            self.assertEqual(self.read(pieces, "gzip"), (TEXT, [MISLABELLED]))
        for header in CODERS:
            for text in (TEXT, b'{"error":{"message":"no"}}', b"[]", b"event: x\n"):
                for pieces in ([text], [text[:5], text[5:]]):
                    self.assertEqual(self.read(pieces, header), (text, [MISLABELLED]), (header, text))
        self.assertEqual(self.read([b"ok"], "gzip"), (b"ok", [MISLABELLED]))

    def test_silent_header(self) -> None:
        """A textual body with a magic number and no header is decoded; a binary one is what it is."""
        for coder in (gzip.compress, zstandard.compress):
            body = coder(TEXT)
            for pieces in every_split(body):
                self.assertEqual(self.read(pieces, "", textual=True), (TEXT, [MISLABELLED]))
            self.assertEqual(self.read([body], ""), (body, []))
        for text in (b"", b"{}", TEXT):
            self.assertEqual(self.read([text], "", textual=True), (text, []))

    def test_unknown_coding(self) -> None:
        """A coding that we do not know leaves the bytes as they are."""
        for header in ("compress", "gzip, aes128gcm", "gzip, " * 9 + "gzip"):
            decoder = Decoder(header, LIMIT)
            self.assertEqual((decoder.feed(b"abc") + decoder.finish(), decoder.faults), (b"abc", [UNKNOWN]))
            self.assertFalse(decoder.readable)

    def test_whole_bodies(self) -> None:
        """`decode` does it all for a body in one piece."""
        result = decode(gzip.compress(TEXT), "gzip", LIMIT)
        self.assertEqual((result.data, result.faults), (TEXT, ()))
