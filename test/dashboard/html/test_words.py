"""Tests of what states are called."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.words import OUTCOMES, badge, state_of
from ccsproxy.exchange.outcome import Outcome
from test.dashboard.reading_page import shown


class WordsTests(SynchronousTestCase):
    """What states are called."""

    def test_every_outcome_has_a_word(self) -> None:
        """Each outcome of the contract has a word, a tone and a sentence; others are named as they are."""
        self.assertEqual(set(OUTCOMES), set(Outcome))
        self.assertEqual(state_of(None).tone, "run")
        self.assertEqual(state_of("odd_end").word, "Odd end")

    def test_badges(self) -> None:
        """A badge has the word beside its colour, and the sentence for who does not know it."""
        span = shown(badge(state_of("refused"), "429")).one("span", data_testid="outcome")
        self.assertEqual((span.text, span.attributes["class"]), ("Refused429", "badge warn"))
        self.assertEqual(span.attributes["title"], OUTCOMES["refused"].meaning)
        self.assertNotIn("title", shown(badge(state_of("odd_end"))).one("span", data_testid="outcome").attributes)
