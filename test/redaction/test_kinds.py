"""Tests of single verdicts in `ccsproxy.redaction.kinds`, at their edges."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.kinds.named.names import Strength, strength
from ccsproxy.redaction.kinds.randomness import is_slug


class EdgeTests(SynchronousTestCase):
    """What is just one thing, and what is just the other."""

    def test_slugs(self) -> None:
        """Words and numbers of up to eight digits make a name; a longer number may be an account's."""
        for word, slug in ((b"build-12345678", True), (b"build-123456789", False), (b"build", False)):
            self.assertEqual(is_slug(word), slug, word)

    def test_tokens_of_pages(self) -> None:
        """A page's token opens nothing; an access token does, but not where it is the next one to read on with."""
        for name, verdict in (
            ("next_page_token", Strength.NONE),
            ("next_page_access_token", Strength.NONE),
            ("page_access_token", Strength.STRONG),
        ):
            self.assertEqual(strength(name), verdict, name)
