"""Tests that the pages say what the program does."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.registry import BY_NAME
from ccsproxy.tools.main import build_parser

DOCS = Path(__file__).parent.parent / "docs"
#: From where a file may be named: a room's own files are named from the room, where the text is about it.
ROOMS = ("", "api", "capture", "capture/recorder", "dashboard", "insight", "proxy", "proxy/server", "proxy/upstream")
PLACES = [DOCS.parent, DOCS, *(DOCS.parent / "ccsproxy" / room for room in (*ROOMS, "runtime", "store"))]


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


class AgentsTriedTests(SynchronousTestCase):
    """The launch files name the versions that ``make test-clients`` compared last: ``doctor`` says them."""

    def test_versions(self) -> None:
        """After a run with newer agents, their launch files are to be looked at, and the versions in them set."""
        for each in json.loads((DOCS / "agents_tried.json").read_text("utf-8")):
            agent = BY_NAME.get(each["agent"])
            if agent is not None:
                self.assertIn(each["version"], agent.measured.version, each["program"])
                self.assertEqual(each["verdict"], "equal", each["program"])


class ManPageTests(SynchronousTestCase):
    """The man page that is installed with the wheel is made of docs/man.md."""

    def setUp(self) -> None:
        spec = importlib.util.spec_from_file_location("man_page", DOCS / "man_page.py")
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def test_page_is_current(self) -> None:
        """Run ``python docs/man_page.py`` after a change of man.md."""
        page = (DOCS / "man.md").read_text()
        self.assertEqual(self.module.TARGET.read_text(), self.module.man_page(page))

    def test_what_roff_would_take_for_its_own(self) -> None:
        """A line that begins with a dot, a backslash and a dash are written so that they are shown."""
        said = self.module.man_page("# x\n\n.hidden \\ --dash `-n`\n")
        self.assertIn("\\&.hidden \\e \\-\\-dash \\fB\\-n\\fR", said)


class NewsFragmentTests(SynchronousTestCase):
    """News fragments are named so that towncrier finds each of them."""

    def test_names(self) -> None:
        """``<issue>.<kind>.md``, with a number before ``.md`` where an issue has several of a kind."""
        kinds = "feature|bugfix|doc|removal"
        for file in self.fragments():
            self.assertRegex(file.name, rf"\A\d+\.({kinds})(\.\d+)?\.md\Z")

    def test_folders_are_sections(self) -> None:
        """towncrier skips a folder that no section names, and what is in it would not be in the changelog."""
        config = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
        sections = {section["path"] for section in config["tool"]["towncrier"]["section"]}
        folders = {"" if file.parent.name == "newsfragments" else file.parent.name for file in self.fragments()}
        self.assertLessEqual(folders, sections)

    @staticmethod
    def fragments() -> list[Path]:
        """All news fragments, in any folder."""
        return [file for file in (DOCS.parent / "newsfragments").rglob("*") if file.is_file() and file.name[0] != "."]


class NamedCommandTests(SynchronousTestCase):
    """Whoever types what a page shows has a command and options that exist."""

    def test_commands_and_options(self) -> None:
        """In a code block or in backticks; an agent's own options follow its name and are not ours."""
        commands = build_parser().commands
        found: set[tuple[str, str]] = set()
        for page in (*DOCS.rglob("*.md"), DOCS.parent / "README.md"):
            for name, rest in re.findall(r"(?:`|^ {4}|&& )ccsproxy ([a-z][a-z-]*)([^`\n]*)", page.read_text(), re.M):
                options = re.findall(r"(?<!\S)--[a-z][a-z-]*", re.split(r" -- |#", rest)[0])
                found |= {(name, option) for option in options} | {(name, "")}
        self.assertGreater(len(found), 60)
        known = {name: {"", *parser._option_string_actions} for name, parser in commands.items()}
        unknown = [(name, option) for name, option in found if name not in BY_NAME and name != "run"]
        self.assertEqual([each for each in unknown if each[1] not in known.get(each[0], ())], [])


class NamedFileTests(SynchronousTestCase):
    """Whoever follows a page to a file finds it there."""

    def test_files_are_there(self) -> None:
        """What CONTRIBUTING and the map name as a file or folder is one of the repository or of the package."""
        root, nowhere = DOCS.parent, []
        for page in (root / "CONTRIBUTING.md", DOCS / "architecture.md"):
            named = re.findall(r"`([a-z_./]*[a-z_](?:/|\.py|\.md|\.json|\.toml))`", page.read_text())
            self.assertGreater(len(named), 20)
            nowhere += [name for name in named if not any((place / name).exists() for place in PLACES)]
        self.assertEqual(nowhere, [])
