"""Tests of numbers as people read them."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html import figures


class FiguresTests(SynchronousTestCase):
    """Numbers as people read them."""

    def test_unknown_is_a_dash(self) -> None:
        """What is not known is never a zero."""
        for write in (figures.tokens, figures.exact, figures.duration, figures.dollars, figures.size, figures.clock):
            self.assertEqual(write(None), figures.UNKNOWN)

    def test_scales(self) -> None:
        """Each figure has the unit that suits its size."""
        self.assertEqual([figures.tokens(n) for n in (0, 9999, 18_204, 1_250_000)], ["0", "10k", "18k", "1.25M"])
        self.assertEqual(figures.tokens(999_999), "1.00M")
        written = [figures.duration(ms) for ms in (0, 999.6, 59_949, 59_951, 3_600_000)]
        self.assertEqual(written, ["0 ms", "1.0 s", "59.9 s", "1:00", "1:00:00"])
        self.assertEqual([figures.dollars(n) for n in (0, 0.0123, 12.3)], ["$0.00", "$0.0123", "$12.30"])

    def test_sizes(self) -> None:
        """Bytes are whole, larger units have a digit, and gigabytes have no end."""
        written = [figures.size(n) for n in (0, 999, 1000, 1_500_000, 2_500_000_000_000)]
        self.assertEqual(written, ["0 B", "999 B", "1.0 KB", "1.5 MB", "2500.00 GB"])

    def test_odd_times(self) -> None:
        """A time that is none is a dash."""
        self.assertEqual(figures.clock("yesterday"), figures.UNKNOWN)
        self.assertEqual(figures.stamp("2026-11-20T08:07:06.500Z"), "20 Nov 2026, 08:07:06 UTC")

    def test_shares(self) -> None:
        """Nearly all is not all, nearly nothing is not nothing."""
        written = [figures.percent(part, 1000) for part in (0, 1, 500, 999, 1000, None)]
        self.assertEqual(written, ["0 %", "<1 %", "50 %", ">99 %", "100 %", "–"])
        self.assertEqual([figures.cents(text) for text in ("$0.56", "$0.0384", "–")], ["cents", None, None])

    def test_a_share_of_nothing_is_not_known(self) -> None:
        """Neither of nothing nor of what nobody knows."""
        self.assertEqual([figures.percent(1, 0), figures.share(1, None)], [figures.UNKNOWN] * 2)
