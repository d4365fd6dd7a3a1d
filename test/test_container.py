"""Tests of what cannot be run where the suite runs: the container file and the Debian package name things that
exist."""

import re
import shlex
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.main import build_parser
from ccsproxy.tools.service.serve import config_of

ROOT = Path(__file__).parent.parent
_WORDS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT"}


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the container file, each with the rest of its line."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "packaging" / "Containerfile").read_text())
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


class ContainerTests(SynchronousTestCase):
    """Read as a builder would."""

    def test_copied_files_exist(self) -> None:
        copied = [shlex.split(rest) for word, rest in instructions() if word == "COPY"]
        names = [name for words in copied for name in words[:-1] if not words[0].startswith("--")]
        self.assertIn("ccsproxy", names)
        self.assertEqual([name for name in names if not (ROOT / name).exists()], [])

    def test_all_that_is_needed_is_copied(self) -> None:
        """Everything that setup.cfg names is there when the package is built."""
        copied = " ".join(rest for word, rest in instructions() if word == "COPY")
        for needed in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "packaging/man", "twisted"):
            self.assertIn(needed, copied)

    def test_known_instructions_and_no_root(self) -> None:
        """Another user than root runs it, and nothing but the volume is written."""
        found = instructions()
        self.assertEqual({word for word, _ in found} - _WORDS, set())
        user = [rest for word, rest in found if word == "USER"]
        self.assertEqual(user, ["10001"])
        after = [word for word, _ in found[found.index(("USER", "10001")) :]]
        self.assertNotIn("RUN", after)
        self.assertIn(("VOLUME", "/data"), found)

    def test_entry_point_is_a_command_line_of_ours(self) -> None:
        """What the container starts is understood, with what its comment adds."""
        (entry,) = (rest for word, rest in instructions() if word == "ENTRYPOINT")
        words = re.findall(r'"([^"]*)"', entry)
        self.assertEqual(words[0], "ccsproxy")
        args = build_parser().parse_args([*words[1:], "--upstream", "https://api.anthropic.com"])
        config = config_of(args)
        self.assertEqual(str(config.data_dir), "/data")


class DebianTests(SynchronousTestCase):
    """The script that builds the package."""

    def test_scripts_are_shell(self) -> None:
        for name in ("build", "postinst", "prerm"):
            done = subprocess.run(
                ["sh", "-n", str(ROOT / "packaging" / "deb" / name)], capture_output=True, text=True
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_files_that_are_named_exist(self) -> None:
        script = (ROOT / "packaging" / "deb" / "build").read_text()
        named = re.findall(r"\$source/([\w./-]+)", script) + re.findall(r"\$units/([\w.-]+)", script)
        self.assertIn("ccsproxy.socket", named)
        for name in named:
            there = (ROOT / name).exists() or (ROOT / "packaging" / "systemd" / name).exists()
            self.assertTrue(there, name)

    def test_control(self) -> None:
        """Every blank of the control file is filled by the script."""
        control = (ROOT / "packaging" / "deb" / "control").read_text()
        script = (ROOT / "packaging" / "deb" / "build").read_text()
        for blank in re.findall(r"@\w+@", control):
            self.assertIn(blank, script)
