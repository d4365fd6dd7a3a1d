"""Tests of which address is which page."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.failing import NoSuchPage
from ccsproxy.dashboard.page import PLACES
from ccsproxy.dashboard.routes import find, number


class PlacesTests(SynchronousTestCase):
    """Every address of the navigation is a page, and nothing else is by accident."""

    def test_navigation(self) -> None:
        """Each place that the frame leads to."""
        for _, address, _ in PLACES:
            find(address.strip("/").split("/"))

    def test_none(self) -> None:
        """Too short, too long, or of another name."""
        for path in ("s", "x/a", "s/a/b", "x/a/1/2", "diff/a/1", "callz", "calls/1", "health/x", "static"):
            self.assertRaises(NoSuchPage, find, path.split("/"))

    @given(st.text(max_size=20))
    def test_numbers(self, text: str) -> None:
        """What is read is what int reads of plain digits; anything else is no page."""
        plain = text != "" and all(each in "0123456789" for each in text) and len(text) < 16
        if plain:
            self.assertEqual(number(text), int(text))
        else:
            self.assertRaises(NoSuchPage, number, text)
