"""Figures in words, the same on pages and in the terminal."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.cache.meanings import meaning
from ccsproxy.insight.words import seconds


class WordTests(SynchronousTestCase):
    """Times, and what a verdict means."""

    def test_seconds(self) -> None:
        """The unit fits the size; a short time is not nothing, and an unknown one is a dash."""
        for span, said in (
            (None, "–"), (0, "0.0 s"), (0.0001, "<1 ms"), (0.046, "46 ms"), (0.0994, "99 ms"), (0.0996, "0.1 s"),
            (0.34, "0.3 s"), (9.96, "10.0 s"), (48.2, "48 s"), (133, "2:13"), (3733, "1:02:13"),
        ):  # fmt: skip
            self.assertEqual(seconds(span), said)

    def test_verdicts(self) -> None:
        """A cause says more than the verdict, a changed part is named, and what is new stands as it is."""
        for verdict, cause, part, said in (
            ("unset", "unset", None, ("Not asked for", "the request asked for no cache")),
            ("unset", "below_minimum", None, ("Not asked for", "the prompt is shorter than the provider caches")),
            ("changed", "changed", "system", ("Missed", "the system prompt changed")),
            ("odd", "very_odd", None, ("odd", "very odd")),
        ):
            self.assertEqual(meaning({"verdict": verdict, "cause": cause, "part": part}), said)
