"""Tests of the estimate of tokens: what is counted quickly is what the expression finds."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.prompt.sizes import count_pieces, pieces_by_expression, text_tokens

_SIGNS = "aaaabzABZ0199__ .,;-\n\n\t  \r\x1c\u00e9\u6f22\u2014\u2019\u00a0\u00f7\u3002"


class PieceTests(SynchronousTestCase):
    """`count_pieces`."""

    @given(st.text(st.sampled_from(_SIGNS), max_size=60))
    def test_counts_what_the_expression_finds(self, text: str) -> None:
        """Any mixture of classes is counted as the expression does."""
        self.assertEqual(count_pieces(text), pieces_by_expression(text))

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """So is any text at all."""
        self.assertEqual(count_pieces(text), pieces_by_expression(text))

    @given(st.integers(0, 70), st.sampled_from(["a", "A", "0", ".", "_", " ", "\n", "Ba"]))
    def test_long_stretches(self, length: int, sign: str) -> None:
        """Stretches of one class are cut at the same lengths."""
        for text in (sign * length, f"x{sign * length}", f"{sign * length}X", f"-{sign * length}-"):
            self.assertEqual(count_pieces(text), pieces_by_expression(text), text)

    def test_examples(self) -> None:
        """Words at changes of case, long words, numbers, signs and line ends."""
        for text, pieces in (("HTTPServer", 2), ("conversation", 2), ("12345", 2), ("...", 2), ("a\n  \n b", 3)):
            self.assertEqual((text, count_pieces(text)), (text, pieces))

    def test_long_texts_are_sampled(self) -> None:
        """A long text has as many times the tokens as it is longer."""
        once = text_tokens("the quick brown fox " * 300)
        self.assertLess(abs(text_tokens("the quick brown fox " * 3000) / once - 10), 0.2)
