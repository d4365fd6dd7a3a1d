"""Tests of pages for what cannot be shown."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.failing import NoSuchPage, failing_page
from ccsproxy.store.query import QueryError
from ccsproxy.store.reader.reader import NotKept
from test.dashboard.reading_page import shown


class Refusal(Exception):
    """An error that says its own status."""

    status = 503


class FailingTests(SynchronousTestCase):
    """Why, in a sentence, under a status that programs understand."""

    def test_each(self) -> None:
        """What was removed is gone, what never was is not found; a refusal says why, a fault nothing of itself."""
        for error, status, said in (
            (NotKept("there is no session x"), 404, "There is no session x."),
            (NotKept("request 3 was removed", expired=True), 410, "Request 3 was removed."),
            (NoSuchPage(), 404, "There is no page at this address."),
            (QueryError("cost: takes a number"), 400, "Cost: takes a number."),
            (Refusal("Too many wait."), 503, "Too many wait. Reload in a moment."),
            (ValueError("secret words"), 500, "The reason is in the log"),
        ):
            page = failing_page(error)
            text = shown(list(page.body)).text
            self.assertEqual(page.status, status)
            self.assertIn(said, text)
            self.assertNotIn("secret words", text)
