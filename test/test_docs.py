"""Tests that the pages say what the program does."""

import importlib.util
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

DOCS = Path(__file__).parent.parent / "docs"


class OptionsTableTests(SynchronousTestCase):
    """docs/configuration.md holds the settings as they are."""

    def test_table_is_current(self) -> None:
        """Run ``python docs/settings_table.py`` after a change of the settings."""
        spec = importlib.util.spec_from_file_location("settings_table", DOCS / "settings_table.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        page = (DOCS / "configuration.md").read_text()
        self.assertEqual(module.with_table(page), page)
        self.assertIn("--upstream [NAME=]URL", page)


class AgentsTableTests(SynchronousTestCase):
    """docs/agents.md holds the agents as the launch files say."""

    def test_table_is_current(self) -> None:
        """Run ``python docs/agents_table.py`` after a change of a launch file."""
        spec = importlib.util.spec_from_file_location("agents_table", DOCS / "agents_table.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        page = (DOCS / "agents.md").read_text()
        self.assertEqual(module.with_table(page), page)
        self.assertIn("`ccsproxy claude`", page)


class NewsFragmentTests(SynchronousTestCase):
    """News fragments are named so that towncrier finds each of them."""

    def test_names(self) -> None:
        """``<issue>.<kind>.md``, with a number before ``.md`` where an issue has several of a kind."""
        kinds = "feature|bugfix|doc|removal|misc"
        for file in (DOCS.parent / "newsfragments").iterdir():
            if not file.name.startswith("."):
                self.assertRegex(file.name, rf"\A\d+\.({kinds})(\.\d+)?\.md\Z")
