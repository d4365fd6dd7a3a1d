"""The taps never raise, never wait, and count every exchange exactly once."""

from typing import Any

from ccsproxy.capture import frames, journal
from ccsproxy.capture.frames import Lost
from ccsproxy.capture.shared_log import BEHIND_SINCE, REGION
from test.capture.fakes import ending, request_head, response_head
from test.capture.relay.rig import LogCase

FIRST = 1 << frames.RELAY_SHIFT


class TapCase(LogCase):
    """A capture over a log, without a spill file."""

    with_file = False
    most = 24

    def kinds(self) -> list[int]:
        return [frame.kind for frame in self.frames()]

    def exchange(self, name: str = "e1") -> int:
        """Begin and end one, and return its number."""
        tap: Any = self.capture.begin(request_head(name))
        tap.end(ending())
        return tap.number


class TapTests(TapCase):
    """What the relay says is in the log when the call returns."""

    def test_an_exchange_in_its_order(self) -> None:
        """Every call becomes one frame, with its time since the exchange began."""
        tap = self.capture.begin(request_head())
        self.now += 0.5
        tap.request_body(b"question")
        tap.response_head(response_head())
        self.now += 0.25
        tap.response_body(b"answer")
        tap.response_whole("complete", "", "")
        tap.end(ending())
        found = self.frames()
        self.assertEqual([frame.kind for frame in found], [1, 2, 3, 4, 7, 5])
        self.assertEqual([frame.at for frame in found], [250_000, 750_000, 750_000, 1_000_000, 1_000_000, 1_000_000])
        self.assertEqual({frame.exchange for frame in found}, {FIRST + 1})
        ended = frames.read_end(found[-1].payload)
        self.assertEqual((ended.request_bytes, ended.response_bytes), (8, 6))
        self.assertEqual(frames.read_whole(found[4].payload).outcome, "complete")

    def test_empty_pieces_are_nothing(self) -> None:
        """An empty piece of a body makes no frame."""
        tap = self.capture.begin(request_head())
        tap.request_body(b"")
        tap.response_body(b"")
        self.assertEqual(self.kinds(), [frames.HEAD])

    def test_one_wake_for_many_frames(self) -> None:
        """Whoever tells the recorder is woken once until it has."""
        tap = self.capture.begin(request_head())
        for _ in range(50):
            tap.response_body(b"x")
        self.assertEqual(self.woken, 1)

    def test_a_broken_log_hurts_nobody(self) -> None:
        """Whatever raises inside, the relay hears nothing of it."""
        tap = self.capture.begin(request_head())

        def broken(*_: object) -> bool:
            raise RuntimeError("log")

        self.log.put = self.log.put_body = broken  # type: ignore[method-assign]
        tap.request_body(b"x")
        tap.response_head(response_head())
        tap.response_body(b"x")
        tap.end(ending())
        self.capture.begin(request_head())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 6)
        self.assert_counts()


class CountTests(TapCase):
    """``accepted = stored + dropped + in flight``."""

    def test_acknowledgements_settle_exchanges(self) -> None:
        """Stored and dropped exchanges leave; what is said twice counts once."""
        for number in range(3):
            self.exchange(f"e{number}")
        self.capture.settle_stored([FIRST + 1, FIRST + 1])
        self.shared.count_drop("disk", by_recorder=True)
        self.capture.forget_dropped(FIRST + 2)
        self.assertEqual((self.capture.stored, dict(self.capture.dropped)), (1, {"disk": 1}))
        self.assertEqual([begun.id for begun in journal.read(self.journal_file)], ["e2"])
        self.assert_counts()

    def test_after_the_close_nothing_is_taken(self) -> None:
        """An exchange that begins after the close is dropped and counted."""
        self.capture.close()
        self.capture.begin(request_head()).request_body(b"x")
        self.assertEqual((self.capture.dropped, self.kinds()), ({"shutdown": 1}, []))
        self.assert_counts()

    def test_since_when_the_recorder_is_behind(self) -> None:
        """It is the oldest exchange that has ended and has no record, whatever is stored before it."""
        self.capture.begin(request_head("under way"))
        self.assertEqual(self.shared.words[BEHIND_SINCE], 0)
        first = self.exchange()
        self.now += 2
        second = self.exchange()
        self.capture.settle_stored([second])
        self.assertEqual(self.shared.words[BEHIND_SINCE], 100_000_000_000)
        self.exchange()
        self.capture.settle_stored([first])
        self.assertEqual(self.shared.words[BEHIND_SINCE], 102_000_000_000)


class OverflowTests(TapCase):
    """A recorder that reads nothing costs bodies first, then exchanges."""

    def test_bodies_are_left_out_from_the_first_gap_on(self) -> None:
        """What follows a gap is left out, too; the loss is told once, the length exactly, heads and ends always."""
        tap = self.capture.begin(request_head())
        tap.response_head(response_head())
        for _ in range(40):
            tap.response_body(b"x" * REGION)
        tap.end(ending())
        found = self.frames()
        self.assertEqual([f.kind for f in found if f.kind != frames.RESPONSE_BODY], [1, 3, 6, 5])
        self.assertEqual(frames.read_lost(found[-2].payload), Lost(frames.RESPONSE_BODY, REGION, "queue_full"))
        self.assertEqual(frames.read_end(found[-1].payload).response_bytes, 40 * REGION)
        tap.response_body(b"late")
        self.assertEqual(len(self.frames()), len(found))

    def test_then_whole_exchanges_are_dropped_and_counted(self) -> None:
        """A full log refuses exchanges, and takes them again when something is settled."""
        numbers = []
        while not self.capture.dropped:
            tap: Any = self.capture.begin(request_head(headers=[(b"A", b"x" * 100_000)]))
            numbers.append(getattr(tap, "number", 0))
            tap.end(ending())
        self.capture.begin(request_head())
        self.assertEqual(self.capture.dropped, {"queue_full": 2})
        self.assert_counts()
        self.capture.settle_stored(numbers)
        self.capture.begin(request_head("taken"))
        self.assertEqual(frames.read_head(self.frames()[-1].payload).id, "taken")
        self.assert_counts()

    def test_what_is_given_up_is_marked_in_the_journal(self) -> None:
        """A recorder that begins has to know of gaps in what an earlier one had taken."""
        tap: Any = self.capture.begin(request_head("old"))
        self.capture.begin(request_head("other"))
        for _ in range(60):
            self.log.taken = self.log.position[0] - 1
            tap.response_body(b"x" * REGION)
        self.assertEqual(tap._cut, 0)
        self.assertEqual([each.incomplete for each in journal.read(self.journal_file)], [True, True])
        self.exchange("new")
        self.assertFalse(journal.read(self.journal_file)[2].incomplete)
        self.assertFalse(any(each.gone for each in journal.read(self.journal_file)))

    def test_what_is_given_up_whole_is_marked_so(self) -> None:
        """Of an exchange that is over, and of which nothing is left in the log, nothing more is going to be heard."""
        self.capture.begin(request_head("over")).end(ending())
        tap: Any = self.capture.begin(request_head("under way"))
        for _ in range(60):
            self.log.taken = self.log.position[0] - 1
            tap.response_body(b"x" * REGION)
        self.assertEqual([each.gone for each in journal.read(self.journal_file)], [True, False])

    def test_no_room_for_an_end(self) -> None:
        """An exchange whose end finds no room at all is dropped, and counted."""
        tap = self.capture.begin(request_head())
        self.log.put = lambda *_: False  # type: ignore[method-assign]
        tap.end(ending())
        self.assertEqual(self.capture.dropped, {"queue_full": 1})
        self.assert_counts()
