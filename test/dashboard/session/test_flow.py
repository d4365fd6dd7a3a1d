"""Tests of the part of a session that is shown."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session import flow as flow_module
from ccsproxy.dashboard.session.flow import AROUND, STEPS, Flow, tail_of
from test.dashboard import specimens
from test.dashboard.session.made import flow

LONG = specimens.conversation(STEPS + 3, branch_at=0)


class PartTests(SynchronousTestCase):
    """So many steps, and so many bytes, at a time."""

    def test_parts_join(self) -> None:
        """Together they are all steps, each once; a part is found by any of its calls, and by ``end``."""
        first, last = flow(LONG), flow(LONG, "end")
        self.assertEqual([(part.first, part.end) for part in first.parts], [(0, STEPS), (STEPS, STEPS + 3)])
        self.assertEqual([*first.shown, *last.shown][-1].seq, STEPS + 3)
        self.assertEqual((first.last, last.last), (False, True))
        self.assertEqual(flow(LONG, str(STEPS + 2)).own, 1)
        self.assertEqual((first.neighbour(-1), first.neighbour(1), last.neighbour(1)), (None, STEPS + 1, None))

    def test_what_names_none_is_the_first(self) -> None:
        """A number that no call has, one that is none, one of another script."""
        for start in ("999", "x", "\N{SUPERSCRIPT TWO}", "9" * 30, ""):
            self.assertEqual(flow(LONG, start).own, 0)

    def test_large_records(self) -> None:
        """Bytes bound a part, too; one step is always shown, however large it is."""
        self.patch(flow_module, "BYTES", 10)
        found = flow(LONG[:4])
        self.assertEqual([part.end - part.first for part in found.parts], [1] * 4)

    def test_nothing(self) -> None:
        """A session without a step has no part and shows nothing."""
        nothing = Flow((), (), 0)
        self.assertEqual((nothing.shown, nothing.last, nothing.near, tail_of(nothing, 1)), ((), True, [], []))

    def test_pager(self) -> None:
        """It leads to the ends and to those around, however many parts there are."""
        self.patch(flow_module, "STEPS", 1)
        found = flow(LONG, "15")
        shown = [found.parts.index(part) for part in found.near]
        self.assertEqual(shown, [0, *range(14 - AROUND, 14 + AROUND + 1), STEPS + 2])


class StepTests(SynchronousTestCase):
    """One step with its place."""

    def test_sub_agents_are_part_of_it(self) -> None:
        """An address that names a call of a sub-agent leads to the step that began it."""
        records = specimens.conversation(3, branch_at=1)
        every = {number for step in flow(records).steps for number in step.numbers}
        self.assertLessEqual({step.seq for step in flow(records).steps}, every)

    def test_tail(self) -> None:
        """From the step that has a call to the end, and never more than a page."""
        found = flow(LONG)
        self.assertEqual([step.seq for step in tail_of(found, STEPS + 2)], [STEPS + 2, STEPS + 3])
        self.assertEqual(len(tail_of(found, 0)), STEPS)
