"""Readers on a disk that fails at the n-th call: each answers rightly, or says in a sentence that it cannot."""

import errno
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import DataDirError
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.maintenance.check import check
from ccsproxy.store.query import Query
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.segments.seal import seal
from test.store.corpus import Corpus, Segments, Shape
from test.store.disks import Vanishing, scratch
from test.store.segments.test_lines import FlakyReads
from test.store.sqlite_faults import READS, SqliteFaults, why_not

#: What a reader may raise: each is one sentence for people (tools) or a 503 (API).
TOLD = (DataDirError, OSError, PackedError)

Question = Callable[[Reader], Any]


def questions(session: str, seqs: list[int], word: str) -> dict[str, Question]:
    """Return a question for each way in which the store is read, one of them for a word."""
    last = seqs[-1]
    return {
        "ls": lambda reader: [row["id"] for row in reader.requests(Query(limit=50)).items],
        "sessions": lambda reader: [each["session_id"] for each in reader.sessions()],
        "session": lambda reader: [row["seq"] for row in reader.session(session)["requests"]],
        "show": lambda reader: reader.record(session, last)["id"],
        "show several": lambda reader: [each["id"] for each in reader.records(session, seqs)],
        "line": lambda reader: json.loads(reader.line(session, last))["id"],
        "search": lambda reader: sorted(row["id"] for row in reader.search(word, 50).items),
        "stats": lambda reader: reader.stats(),
        "meta": lambda reader: reader.meta(),
        "export": lambda reader: [each["id"] for each in reader.each(session, [{"seq": seq} for seq in seqs])],
        "why": lambda reader: Insights(reader).why(session, last)["cost"],
        "conversation": lambda reader: len(Insights(reader).conversation(session)["turns"]),
        "findings": lambda reader: len(Insights(reader).findings(session)),
    }


class ReaderCase(SynchronousTestCase):
    """A store of three segments, one of them compressed, and what is right of it."""

    def setUp(self) -> None:
        self.data_dir = scratch(self) / "data"
        segments = Segments(self.data_dir, rotate_size=16_000)
        records = segments.fill(12, Corpus(Shape(turns=6, system_words=30, turn_words=20)))
        self.session = records[-1]["session_id"]
        self.seqs = [each["seq"] for each in records if each["session_id"] == self.session]
        self.names = SegmentLines(self.data_dir).names()
        self.assertGreater(len(self.names), 2)
        for name in self.names[:-1]:
            seal(Files(), self.data_dir, name, 1_790_000_000.0)
        compress_segment(Files(), self.data_dir, self.names[0])
        bring_up(self.data_dir)
        said = re.findall(r"\b[a-z]{4,}\b", str(records[-1]["request"]["body"]["system"]))
        self.questions = questions(self.session, self.seqs, said[0])
        self.right = {name: self.ask(question)[0] for name, question in self.questions.items()}
        self.assertTrue(all(self.right.values()), self.right)

    def ask(self, question: Question, prepare: Callable[[Reader], None] = lambda reader: None) -> tuple[Any, Reader]:
        reader = Reader(self.data_dir)
        prepare(reader)
        try:
            return question(reader), reader
        finally:
            reader.close()

    def judge(self, name: str, at: Any, prepare: Callable[[Reader], None] = lambda reader: None) -> None:
        """Ask, and see that the answer is right, said to be incomplete, or an error that people understand."""
        try:
            found, reader = self.ask(self.questions[name], prepare)
        except TOLD as reason:
            self.assertNotIn("Traceback", str(reason))
            self.assertTrue(str(reason), (name, at))
            return
        except NotKept as reason:
            self.fail(f"{name} {at}: a sick disk was taken for a missing record: {reason}")
        whole = found == self.right[name]
        self.assertTrue(whole or reader.unreadable or reader.rebuilding(), (name, at, found))


class SickIndexTests(ReaderCase):
    """The database fails."""

    def test_every_call(self) -> None:
        """Reading and opening fail once, and from then on."""
        if reason := why_not():
            raise SkipTest(reason)
        faults, hit = SqliteFaults(), 0
        kinds = ((errno.EIO, READS), (errno.EMFILE, ("open",)))
        with faults.installed():
            for name in self.questions:
                for code, calls in kinds:
                    for times in (1, -1):
                        for at in (1, 2, 3, 5, 9, 17, 33):
                            faults.fail(calls, at, code, times)
                            self.judge(name, (errno.errorcode[code], times, at))
                            failed = faults.failed
                            hit += failed > 0
                            faults.heal()
                            if not failed:
                                break
        self.assertGreater(hit, 4 * len(self.questions))
        for name, question in self.questions.items():
            self.assertEqual(self.ask(question)[0], self.right[name], name)


class SickSegmentTests(ReaderCase):
    """The segments fail in opening and reading."""

    def prepared(self, files: Files) -> Callable[[Reader], None]:
        def prepare(reader: Reader) -> None:
            reader._lines = SegmentLines(self.data_dir, files)

        return prepare

    def test_every_call(self) -> None:
        """Once, at each of the calls."""
        for name in self.questions:
            for code in (errno.EIO, errno.EMFILE, errno.EACCES):
                for at in range(1, 60):
                    flaky = FlakyReads(at, code)
                    self.judge(name, (errno.errorcode[code], at), self.prepared(flaky))
                    if flaky.left > 0:
                        break

    def test_a_damaged_line(self) -> None:
        """It is said to be damaged, not to be gone; an export has the rest, and says what it lacks."""
        name = self.names[-1]
        path = self.data_dir / "segments" / f"{name}.jsonl"
        data = bytearray(path.read_bytes())
        data[-200] ^= 1
        path.write_bytes(data)
        seqs = self.seqs
        reader = Reader(self.data_dir)
        self.addCleanup(reader.close)
        with self.assertRaisesRegex(DataDirError, "is damaged"):
            reader.record(self.session, seqs[-1])
        found = [each["seq"] for each in reader.each(self.session, [{"seq": seq} for seq in seqs])]
        self.assertEqual(found, seqs[:-1])
        self.assertEqual(list(reader.unreadable), [(self.session, seqs[-1])])

    def test_a_folder_that_cannot_be_read(self) -> None:
        """It is no empty folder: nothing is dropped from the index, and no record is said to be missing."""
        real = SegmentLines.names

        def names(lines: SegmentLines) -> list[str]:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(SegmentLines, "names", names)
        self.assertRaises(OSError, bring_up, self.data_dir)
        for name in self.questions:
            self.judge(name, "folder")
        self.patch(SegmentLines, "names", real)
        for name, question in self.questions.items():
            self.assertEqual(self.ask(question)[0], self.right[name], name)


class VanishingTests(ReaderCase):
    """A segment is removed while it is read."""

    def each(self) -> Iterator[tuple[str, int, bool]]:
        for name in self.names:
            for at in range(1, 12):
                for after in (False, True):
                    yield name, at, after

    def test_readers(self) -> None:
        """An answer has what is left or what was there, and a record that is gone is said to be no longer kept."""
        kept = {path: path.read_bytes() for path in (self.data_dir / "segments").iterdir()}
        for question in ("ls", "show", "show several", "line", "search", "export", "conversation", "stats"):
            for name, at, after in self.each():
                files = Vanishing(self.data_dir, name, at, after)

                def prepare(reader: Reader, files: Files = files) -> None:
                    reader._lines = SegmentLines(self.data_dir, files)

                try:
                    found, _ = self.ask(self.questions[question], prepare)
                except NotKept as reason:
                    self.assertTrue(reason.expired, (question, name, at, after))
                else:
                    right = self.right[question]
                    subset = isinstance(found, list) and set(map(str, found)) <= set(map(str, right))
                    self.assertTrue(found == right or subset, (question, name, at, after, found))
                for path, data in kept.items():
                    path.write_bytes(data)
                if files.left > 0:
                    break

    def test_verify(self) -> None:
        """A segment that goes while others are checked is no fault of the store."""
        path = self.data_dir / "segments" / f"{self.names[1]}.jsonl"
        report = check(self.data_dir, lambda each: path.unlink(missing_ok=True))
        self.assertEqual([each.name for each in report.segments], [self.names[0], *self.names[2:]])
        self.assertEqual([each.problem for each in report.segments], ["", "", *[""] * (len(self.names) - 3)])
