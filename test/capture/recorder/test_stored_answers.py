"""Tests of counting stored answers once."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.sessions.stored_answers import StoredAnswers
from ccsproxy.dialects.route import Path, split_target
from test.capture.recorder.fake_interfaces import MemoryUncounted


def at(line: str) -> Path:
    """Return the path of a request line."""
    method, target = line.encode().split(b" ")
    return split_target(method, target)


FETCH = at("GET /v1/responses/resp")


class StoredAnswersTests(SynchronousTestCase):
    """Which fetching of an answer is where its tokens are counted."""

    def test_an_answer_that_was_counted(self) -> None:
        """What nobody noted was counted when it was made, or by another process: it does not count again."""
        self.assertFalse(StoredAnswers().counts(FETCH, {"id": "resp_1"}))

    def test_an_answer_that_was_begun(self) -> None:
        """The first fetching that tells its counts is where they count, and the only one."""
        answers = StoredAnswers()
        answers.begun({"id": "resp_1", "status": "queued"})
        self.assertEqual(
            [answers.counts(FETCH, {"id": name}) for name in ("resp_2", "resp_1", "resp_1")], [False, True, False]
        )

    def test_batches(self) -> None:
        """The results of a batch that was seen to be made count once, by its own id or by that of its file."""
        answers = StoredAnswers()
        made, results = at("POST /v1/messages/batches"), at("GET /v1/messages/batches/msgbatch_1/results")
        self.assertFalse(answers.counts(results, "lines"))
        answers.batch(made, {"id": "msgbatch_1", "type": "message_batch"})
        self.assertEqual([answers.counts(results, "lines") for _ in range(2)], [True, False])
        for path, name in (("/v1/batches", "output_file_id"), ("/v1/batch/jobs", "output_file")):
            told = {"id": "batch_1", "object": "batch", name: None}
            asked, content = at(f"GET {path}/batch_1"), at("GET /v1/files/file-1/content")
            answers.batch(at(f"POST {path}"), told)
            answers.batch(asked, told)
            self.assertFalse(answers.counts(content, "lines"))
            for _ in range(2):
                answers.batch(asked, {**told, name: "file-1"})
            self.assertEqual([answers.counts(content, "lines") for _ in range(2)], [True, False])
            answers.batch(asked, {**told, name: "file-1"})
            self.assertFalse(answers.counts(content, "lines"))

    def test_batches_of_gemini(self) -> None:
        """Their state contains the results, or names a file of them."""
        answers = StoredAnswers()
        made = at("POST /v1beta/models/gemini-2.5-pro:batchGenerateContent")
        asked = at("GET /v1beta/batches/b1")
        pending = {"name": "batches/b1", "metadata": {"state": "BATCH_STATE_PENDING"}}
        done = {**pending, "response": {"inlinedResponses": {"inlinedResponses": []}}}
        answers.batch(made, pending)
        answers.batch(asked, pending)
        for expected in (True, False):
            answers.batch(asked, done)
            self.assertEqual(answers.counts(asked, done), expected)
        answers.batch(made, pending)
        for _ in range(2):
            answers.batch(asked, {**pending, "response": {"responsesFile": "files/f1"}})
        download = at("GET /download/v1beta/files/f1:download?alt=media")
        self.assertEqual([answers.counts(download, "lines") for _ in range(2)], [True, False])

    def test_bodies_without_a_name(self) -> None:
        """They are neither noted nor found."""
        answers = StoredAnswers()
        for body in (None, [], "x", {}, {"id": 5}, {"id": ""}, {"id": "x" * 513}):
            answers.begun(body)
            self.assertFalse(answers.counts(FETCH, body))

    def test_memory(self) -> None:
        """The oldest are forgotten, so that they are never counted rather than twice."""
        answers = StoredAnswers()
        for number in range(10_001):
            answers.begun({"id": f"resp_{number}"})
        self.assertEqual(
            [answers.counts(FETCH, {"id": f"resp_{number}"}) for number in (0, 1, 10_000)], [False, True, True]
        )

    def test_restart(self) -> None:
        """What was begun before a restart counts after it, once; what was counted before it never again."""
        kept = MemoryUncounted()
        before = StoredAnswers(kept)
        for name in ("resp_1", "resp_2", "resp_3"):
            before.begun({"id": name})
        before.keep()
        self.assertTrue(before.counts(FETCH, {"id": "resp_1"}))
        self.assertNotIn("resp_2", repr(kept.kept))
        after = StoredAnswers(kept)
        self.assertEqual(
            [after.counts(FETCH, {"id": name}) for name in ("resp_1", "resp_2", "resp_2", "resp_4")],
            [False, True, False, False],
        )
        self.assertEqual(
            [StoredAnswers(kept).counts(FETCH, {"id": name}) for name in ("resp_2", "resp_3")], [False, True]
        )

    def test_counted_before_it_is_kept(self) -> None:
        """An answer that is counted within a second of its beginning is not kept afterwards."""
        kept = MemoryUncounted()
        answers = StoredAnswers(kept)
        answers.begun({"id": "resp_1"})
        self.assertTrue(answers.counts(FETCH, {"id": "resp_1"}))
        answers.keep()
        self.assertEqual(kept.kept, [])

    def test_full_disk(self) -> None:
        """An answer whose counting cannot be made durable is not counted: after a restart it would be once more."""
        kept = MemoryUncounted()
        answers = StoredAnswers(kept)
        answers.begun({"id": "resp_1"})
        answers.keep()
        kept.broken = True
        self.assertFalse(answers.counts(FETCH, {"id": "resp_1"}))
