"""Several patterns searched at once find what their alternation finds."""

import random
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.search.engine import make_engine
from ccsproxy.redaction.search.leftmost import LeftmostSearch
from ccsproxy.redaction.search.scanner import Scanner
from ccsproxy.redaction.search.verdicts import Verdicts
from test.effort import effort

_PATTERNS = (b"ab+|x", b"b", rb"\ba[a-c]*", b"xa|c")
#: What texts that lead a search astray are made of.
_WORDS = (
    "password api_key token secret key auth \" ' : = -p --token :// @ ?key= sk- ghp_ eyJ echo <<< | values( Bearer "
    "cookie:a= \\u0041 %3D \x1b[0m { [ , ( ) pw is 1a Hunter2 value /t/ login \\n $ -a"
).split(" ")
_SCANNER = Scanner()


class LeftmostTests(SynchronousTestCase):
    """The leftmost match, and of several the first pattern's."""

    @settings(max_examples=effort(200), deadline=None)
    @given(st.text("abcx ", max_size=30))
    def test_as_their_alternation(self, letters: str) -> None:
        """From each match to the next."""
        text = letters.encode()
        together = make_engine(b"|".join(b"(?:%b)" % each for each in _PATTERNS))
        several = LeftmostSearch([make_engine(each).search for each in _PATTERNS], text, len(text))
        position = 0
        while position < len(text):
            found = together.search(text, position, len(text))
            self.assertEqual(several.search(text, position, len(text)), found)
            if found is None:
                break
            position = max(found[1], position + 1)

    def test_dense_texts(self) -> None:
        """The secrets of a text in which nearly every word is a match are the same either way."""
        for seed in range(12):
            chance = random.Random(seed)
            words = chance.sample(_WORDS, 12)
            text = "".join(chance.choice(words) + chance.choice(("", " ", "x9", "\n")) for _ in range(1500)).encode()
            with mock.patch.object(Verdicts, "are_many", lambda self, position: False):
                together = _SCANNER.find(text)
            self.assertEqual(_SCANNER.find(text), together, seed)
