"""The journal says which exchanges had begun, whenever its processes died, and believes no file of anybody else."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture import journal
from ccsproxy.capture.journal import FIRST, GROWTH, PAGE, SLOT, Journal, make, read, read_file
from ccsproxy.capture.journal_places import FORGOTTEN_AFTER, JournalPlaces, sweep
from ccsproxy.capture.relay.hand_over import write_pages
from test.effort import effort


class JournalCase(SynchronousTestCase):
    """A journal in a file."""

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "journal"
        self.descriptor = make(self.path, "run-1")
        self.addCleanup(os.close, self.descriptor)
        self.journal = Journal(self.descriptor)
        self.addCleanup(self.journal.close)

    def ids(self) -> set[str]:
        return {each.id for each in read(self.descriptor)}


class JournalTests(JournalCase):
    """What has begun and is not settled is in it."""

    def test_an_exchange(self) -> None:
        """Number, id, time, upstream and run come back as they were; what is settled is gone."""
        slot = self.journal.begin(7, "0123456789abcdef", 1_700_000_000.25, "anthropic")
        self.assertEqual(
            read_file(self.path), [journal.Begun(7, "0123456789abcdef", 1_700_000_000.25, "anthropic", "run-1")]
        )
        self.journal.end(slot)
        self.assertEqual(read_file(self.path), [])

    def test_long_names(self) -> None:
        """What is longer than its place is cut; nobody else's place is touched."""
        self.journal.begin(1, "a" * 99, 1.0, "ü" * 99)
        self.journal.begin(2, "b", 2.0, "x")
        self.assertEqual([len(each.id) for each in read(self.descriptor)], [40, 1])

    def test_it_grows(self) -> None:
        """More exchanges than there is room for make it longer; all are there."""
        count = GROWTH // SLOT + 10
        slots = [self.journal.begin(number, f"e{number}", 1.0, "x") for number in range(1, count)]
        self.assertEqual(len(set(slots)), count - 1)
        self.assertEqual(len(self.ids()), count - 1)

    def test_a_full_file_system(self) -> None:
        """What finds no room has slot 0; ending it is harmless."""

        def full(*_: int) -> None:
            raise OSError(28, "full")

        self.patch(journal, "_allocate", full)
        slots = [self.journal.begin(number, "e", 1.0, "x") for number in range(1, FIRST // SLOT + 2)]
        self.assertEqual(slots[-2:], [0, 0])
        self.journal.end(0)
        self.assertEqual(len(self.ids()), 1)

    @settings(max_examples=effort(40), deadline=None)
    @given(st.lists(st.integers(0, 30), max_size=60), st.randoms())
    def test_the_copy_knows_what_the_journal_knows(self, steps: list[int], random) -> None:
        """Whatever begins and ends between two ticks, the copy is the same when it has been brought up to date."""
        self.setUp()
        copy = make(self.directory / "copy", "run-1")
        self.addCleanup(os.close, copy)
        under_way: dict[int, int] = {}
        for number, step in enumerate(steps, 1):
            if step in under_way:
                self.journal.end(under_way.pop(step))
            else:
                under_way[step] = self.journal.begin(number, f"e{step}", 1.0, "x")
            if random.random() < 0.3:
                write_pages(copy, self.journal.changed())
        write_pages(copy, self.journal.changed())
        self.assertEqual(read(copy), read(self.descriptor))
        self.assertEqual(self.journal.changed(), [])

    def test_a_long_journal_is_copied_by_what_has_changed(self) -> None:
        """One exchange that ends among thousands costs one page."""
        slots = [self.journal.begin(number, f"e{number}", 1.0, "x") for number in range(1, 3000)]
        self.journal.changed()
        self.journal.end(slots[5])
        self.journal.end(slots[2500])
        self.assertEqual([len(data) for _, data in self.journal.changed()], [PAGE, PAGE])

    def test_told_once_that_the_copy_is_behind(self) -> None:
        """Whoever copies is called when there is something, and again after it has been asked for."""
        told = []
        self.journal.touched = lambda: told.append(1)
        self.journal.begin(1, "a", 1.0, "x")
        self.journal.begin(2, "b", 1.0, "x")
        self.assertEqual(len(told), 1)
        self.journal.changed()
        self.journal.begin(3, "c", 1.0, "x")
        self.assertEqual(len(told), 2)


class StrangeFileTests(JournalCase):
    """Whatever lies there is read without harm."""

    def test_no_journal(self) -> None:
        """A file of something else, an empty one, a short one: nothing is in it."""
        for content in (b"", b"x", b"garbage" * 1000, self.path.read_bytes()[:40]):
            strange = self.directory / "strange"
            strange.write_bytes(content)
            self.assertEqual(read_file(strange), [])

    def test_no_file(self) -> None:
        """Links are not followed; pipes and directories do not hang or count."""
        link, pipe = self.directory / "link", self.directory / "pipe"
        link.symlink_to(self.path)
        os.mkfifo(pipe)
        self.assertRaises(OSError, read_file, link)
        self.assertEqual(read_file(pipe), [])
        self.assertEqual(read_file(self.directory), [])

    def test_torn_at_every_byte(self) -> None:
        """A copy that a full disk has cut anywhere yields whole entries only."""
        for number in (1, 2, 3):
            self.journal.begin(number, f"e{number}", 1.0, "x")
        whole = self.path.read_bytes()[: 5 * SLOT]
        for length in range(len(whole)):
            self.path.with_name("cut").write_bytes(whole[:length])
            found = read_file(self.path.with_name("cut"))
            self.assertEqual([each.number for each in found], list(range(1, len(found) + 1)))


class PlacesTests(SynchronousTestCase):
    """Where journals are: of this data directory, and of nobody else."""

    def setUp(self) -> None:
        self.memory, self.data = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
        self.places = JournalPlaces.of(self.data, self.memory)

    def test_left_behind(self) -> None:
        """Journals of earlier runs are found in both places; those of this run and of other directories are not."""
        other = JournalPlaces.of(Path(tempfile.mkdtemp()), self.memory)
        expected = []
        for places, run in ((self.places, "old"), (self.places, "now"), (other, "old")):
            quick, slow = places.paths(run, 1)
            for path in (quick, slow):
                assert path is not None
                os.close(make(path, run))
                if places is self.places and run == "old":
                    expected.append(path)
        self.assertEqual(set(self.places.left_behind("now")), set(expected))

    def test_a_successor_is_not_left_behind(self) -> None:
        """Nor is a run that is about to end: its journal is held, and found once it is gone."""
        quick, slow = self.places.paths("successor", 0)
        assert quick is not None
        held = [make(path, "successor") for path in (quick, slow)]
        self.assertEqual(self.places.left_behind("now"), [])
        for descriptor in held:
            os.close(descriptor)
        self.assertEqual(set(self.places.left_behind("now")), {quick, slow})

    def test_private(self) -> None:
        """What is made is readable by its owner only."""
        quick, slow = self.places.paths("run", 1)
        assert quick is not None
        for path in (quick, slow):
            os.close(make(path, "run"))
            self.assertEqual((path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777), (0o600, 0o700))

    def test_a_directory_that_is_not_ours_alone(self) -> None:
        """One that others can enter, and one that is a link, are not used: the copy has to do."""
        assert self.places.memory is not None
        self.places.memory.chmod(0o777)
        self.assertIsNone(JournalPlaces.of(self.data, self.memory).memory)
        self.places.memory.rmdir()
        self.places.memory.symlink_to(self.data)
        self.assertIsNone(JournalPlaces.of(self.data, self.memory).memory)

    def test_what_nobody_holds_is_swept(self) -> None:
        """A journal whose data directory may be gone is removed after a day, one that is held is not."""
        assert self.places.memory is not None
        held, loose = self.places.memory / "other.held.1", self.places.memory / "other.loose.1"
        descriptor = make(held, "held")
        self.addCleanup(os.close, descriptor)
        os.close(make(loose, "loose"))
        now = loose.stat().st_mtime
        sweep(self.places.memory, now + FORGOTTEN_AFTER - 10)
        self.assertTrue(loose.exists())
        sweep(self.places.memory, now + FORGOTTEN_AFTER + 10)
        self.assertEqual((held.exists(), loose.exists()), (True, False))

    def test_no_memory_file_system(self) -> None:
        """Without one there is the copy alone."""
        places = JournalPlaces.of(self.data, self.data / "none")
        self.assertEqual(places.paths("run", 1), (None, self.data / "journal" / "run.1"))
