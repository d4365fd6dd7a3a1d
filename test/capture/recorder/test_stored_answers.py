"""Tests of counting stored answers once."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.sessions.stored_answers import StoredAnswers
from ccsproxy.dialects.route import split_target
from test.capture.recorder.fake_interfaces import MemoryUncounted


class StoredAnswersTests(SynchronousTestCase):
    """Which fetching of an answer is where its tokens are counted."""

    def test_an_answer_that_was_counted(self) -> None:
        """What nobody noted was counted when it was made, or by another process: it does not count again."""
        self.assertFalse(StoredAnswers().counts({"id": "resp_1"}))

    def test_an_answer_that_was_begun(self) -> None:
        """The first fetching that tells its counts is where they count, and the only one."""
        answers = StoredAnswers()
        answers.begun({"id": "resp_1", "status": "queued"})
        self.assertEqual(
            [answers.counts({"id": name}) for name in ("resp_2", "resp_1", "resp_1")], [False, True, False]
        )

    def test_batches(self) -> None:
        """The results of a batch that was seen to be made count once, by its own id or by that of its file."""
        answers = StoredAnswers()
        made = split_target(b"POST", b"/v1/messages/batches")
        results = split_target(b"GET", b"/v1/messages/batches/msgbatch_1/results")
        self.assertFalse(answers.counts_results(results))
        answers.batch(made, {"id": "msgbatch_1", "type": "message_batch"})
        self.assertEqual([answers.counts_results(results) for _ in range(2)], [True, False])
        told = {"id": "batch_1", "object": "batch", "output_file_id": None}
        content = split_target(b"GET", b"/v1/files/file-1/content")
        answers.batch(split_target(b"POST", b"/v1/batches"), told)
        asked = split_target(b"GET", b"/v1/batches/batch_1")
        answers.batch(asked, told)
        self.assertFalse(answers.counts_results(content))
        for _ in range(2):
            answers.batch(asked, {**told, "output_file_id": "file-1"})
        self.assertEqual([answers.counts_results(content) for _ in range(2)], [True, False])
        answers.batch(asked, {**told, "output_file_id": "file-1"})
        self.assertFalse(answers.counts_results(content))

    def test_bodies_without_a_name(self) -> None:
        """They are neither noted nor found."""
        answers = StoredAnswers()
        for body in (None, [], "x", {}, {"id": 5}, {"id": ""}, {"id": "x" * 513}):
            answers.begun(body)
            self.assertFalse(answers.counts(body))

    def test_memory(self) -> None:
        """The oldest are forgotten, so that they are never counted rather than twice."""
        answers = StoredAnswers()
        for number in range(10_001):
            answers.begun({"id": f"resp_{number}"})
        self.assertEqual([answers.counts({"id": f"resp_{number}"}) for number in (0, 1, 10_000)], [False, True, True])

    def test_restart(self) -> None:
        """What was begun before a restart counts after it, once; what was counted before it never again."""
        kept = MemoryUncounted()
        before = StoredAnswers(kept)
        for name in ("resp_1", "resp_2", "resp_3"):
            before.begun({"id": name})
        before.keep()
        self.assertTrue(before.counts({"id": "resp_1"}))
        self.assertNotIn("resp_2", repr(kept.kept))
        after = StoredAnswers(kept)
        self.assertEqual(
            [after.counts({"id": name}) for name in ("resp_1", "resp_2", "resp_2", "resp_4")],
            [False, True, False, False],
        )
        self.assertEqual([StoredAnswers(kept).counts({"id": name}) for name in ("resp_2", "resp_3")], [False, True])

    def test_counted_before_it_is_kept(self) -> None:
        """An answer that is counted within a second of its beginning is not kept afterwards."""
        kept = MemoryUncounted()
        answers = StoredAnswers(kept)
        answers.begun({"id": "resp_1"})
        self.assertTrue(answers.counts({"id": "resp_1"}))
        answers.keep()
        self.assertEqual(kept.kept, [])

    def test_full_disk(self) -> None:
        """An answer whose counting cannot be made durable is not counted: after a restart it would be once more."""
        kept = MemoryUncounted()
        answers = StoredAnswers(kept)
        answers.begun({"id": "resp_1"})
        answers.keep()
        kept.broken = True
        self.assertFalse(answers.counts({"id": "resp_1"}))
