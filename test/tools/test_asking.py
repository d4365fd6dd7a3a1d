"""What commands ask in common."""

import time

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.asking import moment


class MomentTests(SynchronousTestCase):
    """Times on the command line."""

    def test_spans_are_times(self) -> None:
        """``2h`` is two hours ago; a time stays."""
        self.assertLess(abs(int(moment("2h")) - (time.time() - 7200)), 5)
        self.assertEqual(moment("2026-11-20"), "2026-11-20")
