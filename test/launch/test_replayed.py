"""Tests of the receipt of an agent that was answered from records."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.replayed import ReplayedResult


class ReceiptTests(SynchronousTestCase):
    """What is said; the rest is tried in `test.integration.test_replay`."""

    def test_lines(self) -> None:
        for told, sentence in (
            ({"answered": 3, "refused": 0, "left": []}, "3 requests were answered from records, 0 matched none"),
            ({"answered": 0, "refused": 2, "left": ["s/1"]}, "2 matched none; 1 recorded call was not asked for"),
            ({}, "the mock failed"),
        ):
            self.assertIn(sentence, "\n".join(ReplayedResult(0, told).lines()))
