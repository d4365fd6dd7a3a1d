"""Tests of the parts of which a readable export is made."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.sections import ReportBlock, Section


class SectionTests(SynchronousTestCase):
    """Values that are compared by what they say."""

    def test_values(self) -> None:
        """Equal where they say the same, and nobody can change one that another has."""
        block = ReportBlock("Body", "{}", "json")
        same = ReportBlock("Body", "{}", "json")
        self.assertEqual(Section("Request", blocks=(block,)), Section("Request", (), (same,)))
        self.assertEqual(block.language, "json")
        with self.assertRaises(AttributeError):
            block.text = "other"  # type: ignore[misc]
