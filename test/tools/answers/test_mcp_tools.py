"""The tools of ``ccsproxy mcp`` as rows; what they answer is tried in `test.tools.answers.test_mcp`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.answers.mcp_tools import TOOLS


class RowTests(SynchronousTestCase):
    """Each is told apart, and says what it is for."""

    def test_rows(self) -> None:
        self.assertEqual(len({tool.name for tool in TOOLS}), len(TOOLS))
        for tool in TOOLS:
            self.assertRegex(tool.name, r"\A[a-z_]{3,40}\Z")
            self.assertGreater(len(tool.description.split()), 3)
