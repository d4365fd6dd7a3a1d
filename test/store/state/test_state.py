"""Tests for `ccsproxy.store.state.state` and `state_migration`."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.store.state.shipments import Position, Shipments
from ccsproxy.store.state.state import NAME, State, StateError, mark_key


class StateCase(SynchronousTestCase):
    """A state in a directory of its own."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.data_dir.mkdir()
        self.state = self.open()

    def open(self) -> State:
        state = State(self.data_dir)
        self.addCleanup(state.close)
        return state

    def bytes_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.data_dir.iterdir())


class StarsAndMarksTests(StateCase):
    """What retention must know."""

    def test_stars(self) -> None:
        """Both ways may be gone twice; another process sees it at once."""
        self.state.star(["b", "a"])
        self.state.star(["a"])
        other = self.open()
        self.assertEqual(other.stars(), {"a", "b"})
        other.unstar(["b", "never"])
        self.assertEqual(self.state.stars(), {"a"})

    def test_marks_only_rise_and_name_nobody(self) -> None:
        """They survive a restart, and do not hold the session's name."""
        self.state.raise_marks({"my-session": 7, "nothing": 0})
        self.state.raise_marks({"my-session": 3, "other": 1})
        self.state.close()
        self.assertEqual(self.open().marks(), {mark_key("my-session"): 7, mark_key("other"): 1})
        self.assertNotIn(b"my-session", self.bytes_on_disk())

    def test_private(self) -> None:
        """Only the owner can read it, with everything that SQLite puts beside it."""
        self.state.star(["a"])
        self.assertEqual({path.stat().st_mode & 0o777 for path in self.data_dir.iterdir()}, {0o600})

    def test_forget_leaves_no_name(self) -> None:
        """Neither star nor job nor page nor WAL says that the session was there; targets still have to delete it."""
        self.state.star(["unforgettable"])
        job = self.state.ask_for(b'{"sessions":["unforgettable"]}')
        self.state.take_jobs()
        self.state.forget("unforgettable")
        self.state.answer(job, b"{}", done=True)
        self.state.erase()
        self.assertNotIn(b"unforgettable", self.bytes_on_disk())
        Shipments(self.state).begin("t", Position("a", 1))
        self.state.forget("unforgettable")
        self.assertEqual(self.state.deletions(), [("t", "unforgettable")])
        self.state.deleted("t", "unforgettable")
        self.state.erase()
        self.assertNotIn(b"unforgettable", self.bytes_on_disk())

    def test_erase_says_that_it_could_not(self) -> None:
        """A reader that stays is waited for and then named as the reason."""
        self.state.star(["a"])
        reader = sqlite3.connect(self.data_dir / NAME, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM stars").fetchall()
        self.state.unstar(["a"])
        self.state._run(lambda connection: connection.execute("PRAGMA busy_timeout = 10"))
        self.assertRaises(StateError, self.state.erase)
        reader.execute("ROLLBACK")
        self.state.erase()


class JobsTests(StateCase):
    """What commands ask of the service."""

    def test_life_of_a_job(self) -> None:
        """It is taken once, its replies are seen, and it ends."""
        job = self.state.ask_for(b"do")
        service = self.open()
        self.assertEqual(service.take_jobs(), [(job, b"do")])
        self.assertEqual((service.take_jobs(), self.state.job(job)), ([], ("taken", b"")))
        service.answer(job, b"half", done=False)
        self.assertEqual(self.state.job(job), ("taken", b"half"))
        service.answer(job, b"whole", done=True)
        self.assertEqual(self.state.job(job), ("done", b"whole"))
        self.assertTrue(self.state.withdraw(job))
        self.assertEqual((self.state.job(job), self.state.withdraw(job)), (None, False))

    def test_the_next_service_goes_on(self) -> None:
        """What was taken and not done is found again, what was done is forgotten."""
        first, second = self.state.ask_for(b"1"), self.state.ask_for(b"2")
        self.state.take_jobs()
        self.state.answer(first, b"", done=True)
        self.state.begin_jobs()
        self.assertEqual(self.state.take_jobs(), [(second, b"2")])

    def test_a_taken_job_is_not_withdrawn_by_who_only_gives_up(self) -> None:
        """Nobody undoes what another has begun."""
        job = self.state.ask_for(b"1")
        self.state.take_jobs()
        self.assertFalse(self.state.withdraw(job, only="asked"))
        self.assertIsNotNone(self.state.job(job))


class ConcurrencyTests(StateCase):
    """Many at once lose nothing."""

    def test_threads_and_a_first_opening(self) -> None:
        """Also when all of them find no file yet."""
        failed: list[BaseException] = []

        def keep(number: int) -> None:
            state = State(self.data_dir)
            try:
                state.star([f"s{number}"])
                state.raise_marks({"one": number})
            except BaseException as error:
                failed.append(error)
            finally:
                state.close()

        threads = [threading.Thread(target=keep, args=(number,)) for number in range(1, 17)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual((failed, len(self.state.stars())), ([], 16))
        self.assertEqual(self.state.marks(), {mark_key("one"): 16})

    def test_processes(self) -> None:
        """A script with an ampersand behind each ``ccsproxy keep``."""
        program = "import sys; from ccsproxy.tools.main import main; sys.exit(main(sys.argv[1:]))"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        arguments = [sys.executable, "-c", program, "keep", "--data-dir", str(self.data_dir)]
        running = [
            subprocess.Popen([*arguments, f"k{number}"], stdout=subprocess.DEVNULL, env=environment)
            for number in range(4)
        ]
        self.assertEqual([each.wait(60) for each in running], [0] * 4)
        self.assertEqual(len(self.state.stars()), 4)


class TroubleTests(StateCase):
    """A state that cannot be used is never taken for an empty one."""

    def broken(self, data: bytes) -> str:
        (self.data_dir / NAME).write_bytes(data)
        error = self.assertRaises(StateError, self.open().stars)
        return str(error)

    def test_damaged(self) -> None:
        """The sentence says what to do."""
        self.assertIn("remove it to go on without stars", self.broken(b"rubbish" * 1000))

    def test_newer(self) -> None:
        """An older program leaves it alone."""
        connection = sqlite3.connect(self.data_dir / NAME)
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
        connection.close()
        self.assertIn("newer ccsproxy", str(self.assertRaises(StateError, self.open().stars)))

    def test_link_and_directory(self) -> None:
        """Nothing is written through a link."""
        (self.data_dir / NAME).symlink_to(self.data_dir / "elsewhere")
        self.assertRaises(StateError, self.open().stars)
        self.assertFalse((self.data_dir / "elsewhere").exists())
        (self.data_dir / NAME).unlink()
        (self.data_dir / NAME).mkdir()
        self.assertRaises(StateError, self.open().stars)


class MigrationTests(StateCase):
    """What earlier versions left."""

    def earlier(self, stars: bytes = b'["a","b"]') -> None:
        (self.data_dir / "starred.json").write_bytes(stars)
        marks = codec.encode({"event": "retired", "marks": {mark_key("gone"): 4}})
        (self.data_dir / "retired.jsonl").write_bytes(marks)
        (self.data_dir / "wishes").mkdir()
        (self.data_dir / "wishes" / "x.answer").write_text("{}")

    def test_taken_over_once(self) -> None:
        """Stars and marks are there, the files are not; what comes back later is not read again."""
        self.earlier()
        self.assertEqual((self.state.stars(), self.state.marks()), ({"a", "b"}, {mark_key("gone"): 4}))
        for name in ("starred.json", "retired.jsonl", "wishes"):
            self.assertFalse((self.data_dir / name).exists())
        self.state.unstar(["a"])
        self.state.close()
        self.earlier()
        self.assertEqual(self.open().stars(), {"b"})

    def test_a_damaged_list_of_stars_is_an_error(self) -> None:
        """Nobody takes it for an empty one and deletes what the user wants to keep; nothing is lost by trying."""
        self.earlier(b"[")
        self.assertIn("starred.json is damaged", str(self.assertRaises(StateError, self.state.stars)))
        (self.data_dir / "starred.json").write_bytes(b'["c"]')
        self.assertEqual(self.state.stars(), {"c"})

    def test_damaged_marks_are_as_good_as_none(self) -> None:
        """They do not stop the start."""
        (self.data_dir / "retired.jsonl").mkdir()
        self.assertEqual(self.state.marks(), {})
