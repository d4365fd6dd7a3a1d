"""Tests for `ccsproxy.providers.amounts`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.amounts import dollars, lacking, total


class AmountTests(SynchronousTestCase):
    """Amounts as people read them."""

    def test_small_amounts_are_not_nothing(self) -> None:
        """Two digits at least say something."""
        for amount, text in [
            (None, "–"),
            (0, "$0.00"),
            (0.0000173, "<$0.0001"),
            (0.00000004, "<$0.0001"),
            (0.000173, "$0.00017"),
            (0.0384, "$0.0384"),
            (0.002, "$0.0020"),
            (0.1, "$0.10"),
            (1234.5, "$1,234.50"),
        ]:
            self.assertEqual(dollars(amount), text)

    def test_sums(self) -> None:
        """A sum that lacks calls is a lower bound, and says which calls."""
        self.assertEqual(total(0.0203, 10), "≥ $0.0203")
        self.assertEqual(total(0.0203, 0), "$0.0203")
        self.assertEqual(total(0.00002, 10), "> $0")
        self.assertEqual(total(None, 3, "-"), "-")
        self.assertEqual(lacking(10, ["gemini-3-pro", ""]), "10 calls of unknown cost (gemini-3-pro, no model)")
        self.assertEqual(lacking(1), "1 call of unknown cost")
        self.assertEqual(lacking(0), "")
