"""Tests of the texts of steps, out of their records."""

from collections.abc import Iterable
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session import step_texts
from ccsproxy.dashboard.session.step_texts import texts_of
from ccsproxy.exchange import codec
from test.dashboard import specimens
from test.dashboard.session.made import flow


class Lines:
    """A reader of some records; it notes which were read."""

    def __init__(self, records: Iterable[dict[str, Any]]) -> None:
        self._lines = {each["seq"]: codec.encode(each) for each in records}
        self.read: set[int] = set()

    def lines(self, sid: str, seqs: Iterable[int]) -> dict[int, bytes]:
        self.read |= set(seqs)
        return {seq: self._lines[seq] for seq in seqs if seq in self._lines}


class TextsTests(SynchronousTestCase):
    """What was said, thought, called and answered."""

    def setUp(self) -> None:
        self.records = specimens.conversation(3, branch_at=0)
        self.steps = flow(self.records).steps

    def texts(self, reader: Any, **more: Any) -> Any:
        """Return the texts of all steps."""
        return texts_of(reader, specimens.SID, self.steps, **more)

    def test_calls_and_results(self) -> None:
        """A step has its prompt, its answer, and the results that the request after it brought."""
        found = self.texts(Lines(self.records))
        self.assertIn("Why does test_headers fail?", found[1].prompt)
        self.assertEqual(found[2].prompt, "")
        self.assertEqual([block.kind for block in found[1].answer.blocks], ["text", "tool_call"])
        self.assertEqual(list(found[1].results), ["toolu_1"])
        self.assertEqual(found[3].results, {})

    def test_records_that_are_gone(self) -> None:
        """A gap says so, and the others are read all the same; so with a line that is damaged."""
        reader = Lines([self.records[0], self.records[2]])
        reader._lines[1] = b"{"
        found = self.texts(reader)
        self.assertEqual([found[seq].gone for seq in (1, 2, 3)], [True, True, False])
        self.assertIsNone(found[2].answer)

    def test_large_requests_are_not_read(self) -> None:
        """They are named as such, and not as gone."""
        self.patch(step_texts, "LARGEST", 48_000)
        reader = Lines(self.records)
        found = self.texts(reader)
        self.assertEqual(reader.read, set())
        self.assertEqual({(each.large, each.gone) for each in found.values()}, {(True, False)})

    def test_what_was_said_before_the_record_began(self) -> None:
        """Of a session that was resumed, the first call carries it."""
        resumed = self.records[2:]
        self.steps = flow(resumed).steps
        found = self.texts(Lines(resumed), begin={3})
        self.assertEqual([each.role for each in found[3].earlier], ["user", "assistant"] * 2 + ["user"])
        self.assertEqual(self.texts(Lines(resumed))[3].earlier, ())

    def test_lines_are_read_by_what_they_are(self) -> None:
        """The codec's own lines: a record that is written is a record that is read."""
        self.assertEqual(msgspec.json.decode(codec.encode(self.records[0]))["seq"], 1)
