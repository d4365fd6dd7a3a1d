"""Tests of why a request cannot be sent again."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.replay.errors import EditError, NotReplayable


class ErrorTests(SynchronousTestCase):
    """Both are told to people, and neither is taken for the other: only one can be mended by other options."""

    def test_kinds(self) -> None:
        for error in (EditError("why"), NotReplayable("why")):
            self.assertIsInstance(error, ValueError)
            self.assertEqual(str(error), "why")
        self.assertFalse(issubclass(EditError, NotReplayable) or issubclass(NotReplayable, EditError))
