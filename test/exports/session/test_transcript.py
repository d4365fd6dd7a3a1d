"""Tests of transcripts: a session arranged for reading."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.texts import texts_of
from ccsproxy.exports.session.transcript import LONGEST, Transcript, TranscriptItem, data, transcript_of
from test.dashboard import specimens


def written(records: list[dict[str, Any]], **meta: Any) -> Transcript:
    """Tell a session."""
    return transcript_of({"session_id": "s", **meta}, texts_of(records))


def kinds(items: tuple[TranscriptItem, ...]) -> list[str]:
    """Return the kinds of items in their order."""
    return [item.kind for item in items]


class ToldTests(SynchronousTestCase):
    """A head, what is worth knowing, and the conversation in items that fold."""

    def test_turns(self) -> None:
        """The user's words, then answers and calls, each call a fold with its result."""
        (turn,) = written(specimens.conversation(2, branch_at=0)).turns
        self.assertEqual(turn.number, 1)
        self.assertEqual(kinds(turn.items), ["you", "answer", "fold", "answer", "fold"])
        first, last = turn.items[2], turn.items[4]
        self.assertIn("Read /src/part1.py → 12 lines", first.title)
        self.assertEqual(kinds(first.inside), ["data", "data"])
        self.assertIn("no result", last.title)

    def test_head(self) -> None:
        """What is known of it; sums that lack something say what; nothing known is left out."""
        lines = written(specimens.conversation(1), client="codex", models=["m"], cost=1.5, unpriced=2).lines
        self.assertEqual(lines[0], "codex · m · s")
        self.assertIn("1 call in 1 turn", lines[1])
        self.assertIn("2 calls", lines[1])
        self.assertEqual(written([]).turns, ())

    def test_sub_agents(self) -> None:
        """Those that nothing here began stand beside the conversation, a line a call."""
        session = written(specimens.conversation(3, branch_at=1))
        self.assertEqual([item.text.split(":")[0] for item in session.aside[1:]], ["call 2", "call 3"])

    def test_no_answer(self) -> None:
        """It says how the call ended."""
        record = {**specimens.conversation(1)[0], "outcome": "client_disconnected"}
        record["response"] = {**record["response"], "body_reassembled": None}
        (turn,) = written([record]).turns
        self.assertIn("no answer was recorded (client disconnected)", turn.items[-1].text)

    def test_notes(self) -> None:
        """Star, tags and words, of the session or of a call."""
        notes = [{"seq": None, "starred": True, "tags": ["a"], "note": None}, {"seq": 3, "note": "why?"}]
        found = transcript_of({}, texts_of(specimens.conversation(1)), notes).notes
        self.assertEqual(found, ("session: starred #a", "call 3: why?"))

    def test_endless_data_is_cut(self) -> None:
        """And says how much more there is."""
        self.assertTrue(data("x" * (LONGEST + 5)).text.endswith("[5 characters more are in the record]"))
        self.assertEqual(data("x").text, "x")
