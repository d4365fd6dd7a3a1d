"""Tests for `ccsproxy.store.segments.compressed` and `ccsproxy.store.segments.compress`."""

import random
import shutil
import subprocess
from pathlib import Path
from time import process_time
from unittest import SkipTest

import zstandard
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.store.segments import compress
from ccsproxy.store.segments import compressed as packed_module
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError, seek_table
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import lines
from ccsproxy.store.segments.scan import all_lines, contents, read_footer
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import compressed_path, plain_path, segments_dir
from test.store.conversation import Conversation
from test.store.records import record

NAME = "20261120T100000000Z-00000001"


class PackedTests(SynchronousTestCase):
    """A compressed segment gives the bytes that went in, and each line without the others."""

    def pack(self, *values: object) -> bytes:
        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        plain = plain_path(self.data_dir, NAME)
        plain.write_bytes(b"".join(codec.encode(value) for value in values))
        seal(Files(), self.data_dir, NAME, 0.0)
        data = plain.read_bytes()
        self.assertTrue(compress_segment(Files(), self.data_dir, NAME))
        self.assertFalse(plain.exists())
        return data

    def open(self) -> CompressedSegment:
        packed = CompressedSegment(compressed_path(self.data_dir, NAME), Files())
        self.addCleanup(packed.close)
        return packed

    def test_each_line_where_it_was(self) -> None:
        """Offsets and lengths of the plain segment hold, over several frames."""
        self.patch(compress, "FRAME_SIZE", 2000)
        data = self.pack(*[record(number) for number in range(1, 20)])
        packed = self.open()
        self.assertEqual(b"".join(piece for _, piece in packed.pieces()), data)
        self.assertEqual(packed.size, len(data))
        for line in lines([(0, data)]):
            self.assertEqual(packed.read_several([(line.offset, line.length)]), {line.offset: line.data})
        self.assertEqual(read_footer(Files(), self.data_dir, NAME).records, 19)

    @given(st.sets(st.integers(0, 18)), st.integers(1, 3000), st.randoms())
    def test_several_lines(self, chosen: set[int], piece: int, dice: random.Random) -> None:
        """Any lines may be read together, in any order and however they lie in frames and pieces."""
        self.patch(packed_module, "_PIECE", piece)
        if not hasattr(self, "found"):
            self.patch(compress, "FRAME_SIZE", 2000)
            data = self.pack(*[record(number) for number in range(1, 20)])
            self.found = [(line.offset, line.data) for line in lines([(0, data)])]
        places = [(self.found[each][0], len(self.found[each][1])) for each in chosen]
        dice.shuffle(places)
        beyond = [(self.found[-1][0], 1 << 20), (1 << 30, 5)]
        with CompressedSegment(compressed_path(self.data_dir, NAME), Files()) as packed:
            read = packed.read_several([*places, *beyond, *places])
        self.assertEqual(read, dict(self.found[each] for each in chosen))

    def test_what_is_not_there_is_an_error(self) -> None:
        """Reading beyond the end never gives less than was asked for, or anything for what lies in two frames."""
        data = self.pack(record(1))
        self.assertEqual(self.open().read_several([(len(data) - 5, 6), (0, len(data))]), {})

    def test_a_damaged_frame_does_not_hide_the_others(self) -> None:
        """Who asks to be told gets all the lines of the good frames, where they are; who does not, an error."""
        self.patch(compress, "FRAME_SIZE", 300)
        data = self.pack(*[record(number) for number in range(1, 7)])
        packed = self.open()
        self.assertGreater(len(packed._frames), 3)
        path, frame = compressed_path(self.data_dir, NAME), packed._frames[1]
        whole = path.read_bytes()
        path.write_bytes(whole[: frame.at + 12] + b"\xff\xff" + whole[frame.at + 14 :])
        told: list[str] = []
        found = list(lines(self.open().pieces(damage=told.append)))
        self.assertEqual((len(told), [line.offset for line in found if not line.data]), (1, [frame.offset]))
        lost = range(frame.offset, frame.offset + frame.size)
        self.assertEqual(b"".join(line.data for line in found), data[: lost.start] + data[lost.stop :])
        self.assertRaises(PackedError, list, self.open().pieces())
        self.assertRaises(PackedError, list, all_lines(Files(), self.data_dir, NAME))
        places = [(line.offset, line.length) for line in lines([(0, data)])]
        self.assertEqual(set(self.open().read_several(places)), {at for at, _ in places} - set(lost))

    def test_only_the_footer_is_damaged(self) -> None:
        """Then all is known from the lines; footers decide nothing."""
        self.pack(record(1, "a"), record(2, "b"))
        path, at = compressed_path(self.data_dir, NAME), self.open()._frames[-1].at
        whole = path.read_bytes()
        path.write_bytes(whole[: at + 12] + bytes([whole[at + 12] ^ 0x10]) + whole[at + 13 :])
        self.assertIsNone(read_footer(Files(), self.data_dir, NAME))
        self.assertEqual(contents(Files(), self.data_dir, NAME).sessions, {"a": 1, "b": 2})

    def test_a_bomb_is_refused(self) -> None:
        """A small file that unpacks to a line of a gibibyte is not unpacked."""
        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        frame = zstandard.ZstdCompressor().compress(bytes(1 << 20))
        table = seek_table([(len(frame), 1 << 30), (len(frame), 1 << 20)])
        compressed_path(self.data_dir, NAME).write_bytes(frame + frame + table)
        self.assertRaises(PackedError, self.open)

    def test_any_byte_damaged_is_noticed(self) -> None:
        """Each flipped byte of the file makes reading fail, or changes nothing; never the content."""
        data = self.pack(record(1))
        path = compressed_path(self.data_dir, NAME)
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
            try:
                with CompressedSegment(path, Files()) as packed:
                    found = b"".join(piece for _, piece in packed.pieces())
            except PackedError:
                continue
            self.assertEqual(found, data, at)

    def test_cut_anywhere_is_noticed(self) -> None:
        """No part of a file passes for the whole."""
        self.pack(record(1))
        path = compressed_path(self.data_dir, NAME)
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at])
            self.assertRaises(PackedError, CompressedSegment, path, Files())

    def test_long_lines_between_short_ones(self) -> None:
        """Lines of several pieces, which are not copied on their way, are where they were among those that are."""
        self.patch(packed_module, "_PIECE", 3000)
        texts = ["a" * 200_000, "b", "c" * 90_000, "d" * 2900, "e" * 3100, "f", "g" * 400_000]
        data = self.pack(*({"id": str(number), "text": text} for number, text in enumerate(texts)))
        packed = self.open()
        self.assertEqual(b"".join(piece for _, piece in packed.pieces()), data)
        found = list(all_lines(Files(), self.data_dir, NAME))
        self.assertEqual([line.good for line in found], [True] * (len(texts) + 1))
        for line in found:
            self.assertEqual(packed.read_several([(line.offset, line.length)]), {line.offset: line.data})

    def test_a_line_that_the_disk_gave_wrong_is_not_kept(self) -> None:
        """What reads otherwise than it was written is found when it is read back, and the plain file stays."""

        class Lying(Files):
            def read(self, fd: int, length: int, offset: int) -> bytes:
                data = super().read(fd, length, offset)
                return data.replace(b"truth", b"trulh")

        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        plain = plain_path(self.data_dir, NAME)
        plain.write_bytes(codec.encode({"id": "1", "text": "the truth"}))
        seal(Files(), self.data_dir, NAME, 0.0)
        self.assertRaises(PackedError, compress_segment, Lying(), self.data_dir, NAME)
        self.assertEqual([path.name for path in segments_dir(self.data_dir).iterdir()], [plain.name])

    def test_damaged_lines_are_kept_as_they_are(self) -> None:
        """Compression neither repairs nor refuses a segment with a damaged line."""
        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        data = b"".join([codec.encode(record(1)), b"rubbish\n", codec.encode(record(2))])
        plain_path(self.data_dir, NAME).write_bytes(data)
        seal(Files(), self.data_dir, NAME, 0.0)
        self.assertTrue(compress_segment(Files(), self.data_dir, NAME))
        self.assertTrue(b"".join(piece for _, piece in self.open().pieces()).startswith(data))

    def test_nobody_meets_a_half_written_one(self) -> None:
        """While it is written it does not look like a segment to who lists them by their ending."""
        self.pack(record(1))
        listed = []

        class Watching(Files):
            def rename(self, source: Path, target: Path) -> None:
                listed.append(sorted(path.name for path in source.parent.glob("*.jsonl*")))
                super().rename(source, target)

        plain = plain_path(self.data_dir, NAME)
        plain.write_bytes(codec.encode(record(1)))
        compressed_path(self.data_dir, NAME).unlink()
        seal(Files(), self.data_dir, NAME, 0.0)
        self.assertTrue(compress_segment(Watching(), self.data_dir, NAME))
        self.assertEqual(listed, [[plain.name]])

    def test_without_a_footer_nothing_happens(self) -> None:
        """A segment that is still written is left alone."""
        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        plain_path(self.data_dir, NAME).write_bytes(codec.encode(record(1)))
        self.assertFalse(compress_segment(Files(), self.data_dir, NAME))
        self.assertEqual([path.name for path in segments_dir(self.data_dir).iterdir()], [f"{NAME}.jsonl"])

    def test_the_zstd_program_reads_it(self) -> None:
        """The seek table and the frames are what zstd expects."""
        if shutil.which("zstd") is None:
            raise SkipTest("no zstd program here")
        data = self.pack(record(1), record(2))
        path = compressed_path(self.data_dir, NAME)
        found = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True)
        self.assertEqual(found.stdout, data)

    def test_agent_sessions_shrink_and_stay_readable(self) -> None:
        """A session that resends its conversation shrinks by a factor of 20 and more, within the first 60 turns."""
        values = [value for pair in Conversation("s").turns(60) for value in pair]
        data = self.pack(*values)
        self.assertGreater(len(data) / compressed_path(self.data_dir, NAME).stat().st_size, 20)
        last = list(lines([(0, data)]))[-2]
        began = process_time()
        self.assertEqual(self.open().read_several([(last.offset, last.length)]), {last.offset: last.data})
        self.assertLess(process_time() - began, 2.0)
