"""Tests of what the installed package shows to Twisted, and of the trap that the plugin folder is."""

import subprocess
import sys
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent


class PluginTests(SynchronousTestCase):
    """``twistd`` and ``twist`` know ccsproxy."""

    def test_plugin_is_found(self) -> None:
        """The service maker is listed under its tap name and names its module by string."""
        found = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "ccsproxy"]
        self.assertEqual([maker.module for maker in found], ["ccsproxy.service"])

    def test_no_init_in_twisted(self) -> None:
        """An ``__init__.py`` there would hide or overwrite Twisted itself."""
        self.assertEqual(sorted(ROOT.glob("twisted/**/__init__.py")), [])

    def test_commands_list_it(self) -> None:
        """``twistd --help`` and ``twist --help`` show it from any directory."""
        for module in ("twistd", "twist"):
            command = [str(Path(sys.executable).with_name(module)), "--help"]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd="/",
                timeout=60,
                env={"PYTHONPATH": str(ROOT), "PATH": "/bin"},
            )
            self.assertIn("ccsproxy", done.stdout, done.stderr)


class TrackedTests(SynchronousTestCase):
    """What is committed."""

    #: Everything at the top; what a tool or a test leaves there is in `.gitignore`.
    TOP = frozenset(
        """.ci .gitignore CHANGELOG.md CONTRIBUTING.md LICENSE MANIFEST.in Makefile README.md SECURITY.md bench
        ccsproxy docs newsfragments packaging pyproject.toml setup.cfg setup.py test twisted""".split()
    )

    def test_nothing_else_at_the_top(self) -> None:
        """A folder that a test has left behind was committed once."""
        if not (ROOT / ".git").exists():
            self.skipTest("this is no checkout")
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        self.assertEqual({line.partition("/")[0] for line in listed.splitlines()} - self.TOP, set())
