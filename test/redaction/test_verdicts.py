"""Tests for `ccsproxy.redaction.search.verdicts`: remembering changes what a search costs, never what it finds."""

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.redaction import UNITS
from ccsproxy.redaction.search import verdicts
from ccsproxy.redaction.search.finding import FoundSecret
from ccsproxy.redaction.search.scanner import Scanner
from test.effort import effort

_SCANNER = Scanner()
_UNITS = (*UNITS, "the password is Hun" + "ter2xyzQ9 ", "token=", "DB_PASSWORD=x9y8z7w6\n", "x", "\n", " a=1 ", "%3D")


def forgetful(text: bytes) -> list[FoundSecret]:
    """Search a text judging every place."""
    with mock.patch.object(verdicts, "_MANY", 1 << 40):
        return _SCANNER.find(text)


class RepetitionTests(SynchronousTestCase):
    """What is found does not depend on what is remembered."""

    @settings(max_examples=effort(60), deadline=None)
    @given(
        st.lists(
            st.tuples(st.lists(st.sampled_from(_UNITS), min_size=1, max_size=3), st.integers(1, 400)), max_size=4
        )
    )
    def test_texts_that_repeat_themselves(self, parts: list[tuple[list[str], int]]) -> None:
        """Stretches of one period after another, and what stands between them."""
        text = "-".join("".join(units) * times for units, times in parts).encode()[: 10 << 10]
        self.assertEqual(_SCANNER.find(text), forgetful(text))

    def test_every_unit(self) -> None:
        """Each text that is made to lead a search astray, with something else at its end."""
        for unit in UNITS:
            text = (unit * (4000 // len(unit)) + "password=Hun" + "ter2xyzQ9 @ \n" + unit * 20).encode()
            self.assertEqual(_SCANNER.find(text), forgetful(text), unit)

    def test_periods_are_passed_at_once(self) -> None:
        """A place of a long repetition is neither searched nor judged."""
        judged: list[int] = []
        known = verdicts.Verdicts.known

        def counted(self: verdicts.Verdicts, *place: object) -> int | None:
            judged.append(1)
            return known(self, *place)  # type: ignore[arg-type]

        with mock.patch.object(verdicts.Verdicts, "known", counted):
            found = _SCANNER.find(b"DB_PASSWORD=x9y8z7w6\n" * 10_000)
        self.assertEqual(len(found), 10_000)
        self.assertLess(len(judged), 200)
