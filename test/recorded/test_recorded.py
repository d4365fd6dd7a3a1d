"""Recorded exchanges mean what they meant: our own random ones always, those of a folder where one is given."""

import os
import tempfile
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from test.recorded.generate import main as generate
from test.recorded.judge import difference
from test.recorded.recordings import recordings

#: A folder of cassettes, HAR files or lines of JSON; ``make test-recorded RECORDED=FOLDER``.
FOLDER = os.environ.get("CCSPROXY_RECORDED", "")
#: How many random exchanges are made; ``make test-recorded`` makes 1,600.
MADE = int(os.environ.get("CCSPROXY_RECORDED_MADE", "180"))


class RecordedTests(SynchronousTestCase):
    """The product's reading against an accumulation of its own kind."""

    def judge(self, folder: Path) -> Counter[str]:
        """Judge every exchange below a folder, and say what is wrong."""
        verdicts: Counter[str] = Counter()
        wrong = []
        for one in recordings(folder):
            kind, verdict, why = difference(one)
            verdicts[verdict] += 1
            if verdict == "wrong":
                wrong.append(f"{one.place} ({kind}): {why}")
        self.assertEqual(wrong, [])
        return verdicts

    def test_random_exchanges(self) -> None:
        """None of ours is read wrongly, and nearly all are judged."""
        with tempfile.TemporaryDirectory() as place:
            generate([place, str(MADE), "7"])
            verdicts = self.judge(Path(place))
        self.assertEqual(verdicts.total(), MADE)
        self.assertGreater(verdicts["right"], MADE * 0.9)

    def test_a_folder(self) -> None:
        """None of the given ones is."""
        if not FOLDER:
            self.skipTest("CCSPROXY_RECORDED names no folder of recordings")
        print(dict(self.judge(Path(FOLDER))))
