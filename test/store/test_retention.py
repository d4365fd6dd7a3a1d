"""Tests for `ccsproxy.store.retention`, `starred` and `retired`."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.retention import Kept, expired
from ccsproxy.store.retired import RetiredMarks
from ccsproxy.store.segments.files import Files
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.starred import Starred

_DAY = 86400.0


class ExpiredTests(SynchronousTestCase):
    """What has to go is chosen oldest first, and no more than needed."""

    segments = [Kept("a", 100, 1 * _DAY), Kept("b", 100, 5 * _DAY), Kept("c", 100, 9 * _DAY)]

    def choose(self, free: int = 1 << 40, **settings: object) -> list[str]:
        base = {"retain_days": 0, "retain_size": 0, "min_free": 0}
        return expired(self.segments, StoreSettings(**{**base, **settings}), 10 * _DAY, free)  # type: ignore[arg-type]

    def test_by_age(self) -> None:
        """Whatever is older than allowed."""
        self.assertEqual(self.choose(retain_days=6.0), ["a"])
        self.assertEqual(self.choose(retain_days=4.0), ["a", "b"])

    def test_by_size(self) -> None:
        """Until what is left fits."""
        self.assertEqual(self.choose(retain_size=200), ["a"])
        self.assertEqual(self.choose(retain_size=50), ["a", "b", "c"])

    def test_by_free_space(self) -> None:
        """Until there is enough room."""
        self.assertEqual(self.choose(min_free=1000, free=850), ["a", "b"])

    def test_free_space_that_cannot_be_made(self) -> None:
        """Where others fill the disk, nothing is given up for nothing."""
        self.assertEqual(self.choose(min_free=1000, free=100), [])

    def test_for_ever(self) -> None:
        """Zero means without limit."""
        self.assertEqual(self.choose(), [])


class StarredTests(SynchronousTestCase):
    """The starred sessions are in a small file that is never half written."""

    def test_add_and_discard(self) -> None:
        """Both may be done twice."""
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        starred = Starred(Files(), data_dir)
        self.assertEqual(starred.sessions(), frozenset())
        for session in ("b", "a", "a"):
            starred.add(session)
        starred.discard("b")
        starred.discard("b")
        self.assertEqual(Starred(Files(), data_dir).sessions(), {"a"})

    def test_a_damaged_list_is_an_error(self) -> None:
        """Nobody takes it for an empty one, and deletes what the user wants to keep."""
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        (data_dir / "starred.json").write_text("[")
        self.assertRaises(ValueError, Starred(Files(), data_dir).sessions)


class RetiredTests(SynchronousTestCase):
    """Sequence numbers of removed sessions are not given again."""

    def test_marks_are_kept_without_names(self) -> None:
        """They survive, only rise, and do not name the session."""
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        retired = RetiredMarks(Files(), data_dir)
        retired.retire({"my-session": 7})
        retired.retire({"my-session": 3, "other": 1})
        again = RetiredMarks(Files(), data_dir)
        self.assertEqual((again.last_seq("my-session"), again.last_seq("other"), again.last_seq("new")), (7, 1, 0))
        self.assertNotIn(b"my-session", (data_dir / "retired.jsonl").read_bytes())

    def test_a_damaged_file_is_as_good_as_none(self) -> None:
        """It does not stop the start."""
        data_dir = Path(self.mktemp())
        (data_dir / "retired.jsonl").mkdir(parents=True)
        self.assertEqual(RetiredMarks(Files(), data_dir).last_seq("x"), 0)
