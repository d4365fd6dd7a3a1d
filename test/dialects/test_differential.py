"""Random streams amount to what was intended, and to what the vendors' SDKs make of them."""

import os
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from test.dialects.differential import differences
from test.dialects.sdks import LOSSES
from test.effort import effort

#: How many streams, and from which seed; ``python -m test.dialects.differential`` is the long run.
STREAMS = int(os.environ.get("CCSPROXY_DIFFERENTIAL_STREAMS", "0")) or effort(100)
SEED = int(os.environ.get("CCSPROXY_DIFFERENTIAL_SEED", "0"))


class DifferentialTests(SynchronousTestCase):
    """Reassembly against two oracles: the message that was made first, and the official accumulators."""

    def test_every_stream_amounts_to_the_intended_message(self) -> None:
        """Ours is what was intended, always; the SDK's is, too, but for the losses that are listed with a reason."""
        tally: Counter[str] = Counter()
        wrong = list(differences(range(SEED, SEED + STREAMS), tally))
        self.assertEqual(wrong, [])
        self.assertEqual(tally["streams"], STREAMS)
        self.assertGreater(tally["compared with an SDK"], STREAMS // 2)
        seen = {name.removeprefix("  known loss ") for name in tally if "known loss" in name}
        self.assertLessEqual(seen, set(LOSSES))
