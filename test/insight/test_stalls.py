"""Silences inside answers, summed up by model."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.facts import Call
from ccsproxy.insight.stalls import stalled_calls, sum_stalls


def call(seq: int, model: str = "m", gaps: tuple[float, ...] = (), overhead_us: int | None = None) -> Call:
    """Make a call that fell silent for so many milliseconds."""
    stalls = tuple((1000.0 * at, gap) for at, gap in enumerate(gaps))
    return Call(session_id="s", seq=seq, started_ms=seq, model=model, stalls=stalls, overhead_us=overhead_us)


class StallTests(SynchronousTestCase):
    """Whose they were, how many, how long."""

    def test_by_model(self) -> None:
        """Those that cost most first, with the call of the longest; calls without a silence are none of it."""
        found = stalled_calls(
            [call(1, "a", (2500.0,)), call(2, "b", (3000.0, 9000.0)), call(3, "b", (4000.0,)), call(4)]
        )
        got = sum_stalls(found)
        self.assertEqual([row["model"] for row in got["rows"]], ["b", "a"])
        first = got["rows"][0]
        self.assertEqual((first["calls"], first["stalls"], first["seconds"], first["longest_s"]), (2, 3, 16.0, 9.0))
        self.assertEqual(first["worst"], {"session_id": "s", "seq": 2})
        self.assertEqual((got["stalls"], got["seconds"], got["here"]), (4, 18.5, 0))

    def test_here(self) -> None:
        """What the proxy held up is counted, and is no stall of the provider's."""
        got = sum_stalls(stalled_calls([call(1, overhead_us=2_000_000), call(2, overhead_us=900)]))
        self.assertEqual((got["here"], got["stalls"], got["rows"]), (1, 0, []))

    def test_none(self) -> None:
        self.assertEqual(sum_stalls([])["rows"], [])
