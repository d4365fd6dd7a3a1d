"""Tests of the rules of the tree: each contract of import-linter catches what it forbids, and there is no circle."""

import ast
import re
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent

#: For each contract a module, the import that it must not have, and how the report names it.
BREACHES = {
    "imports go down only": ("wire/sse.py", "ccsproxy.store.query", "ccsproxy.wire is not allowed to import"),
    "capture knows the store only where the recorder process is put together": (
        "capture/recorder/report.py",
        "ccsproxy.store.query",
        "ccsproxy.capture is not allowed to import ccsproxy.store",
    ),
    "the relay's and the recorder's half of capture are independent": (
        "capture/relay/tap.py",
        "ccsproxy.capture.recorder.ending",
        "ccsproxy.capture.relay.tap -> ccsproxy.capture.recorder.ending",
    ),
    "what faces the client and what faces the API are independent": (
        "proxy/server/limits.py",
        "ccsproxy.proxy.upstream.endings",
        "ccsproxy.proxy.server.limits -> ccsproxy.proxy.upstream.endings",
    ),
    "pure rooms know no Twisted": (
        "dialects/detect.py",
        "twisted.internet.defer",
        "ccsproxy.dialects.detect -> twisted",
    ),
}


class ContractTests(SynchronousTestCase):
    """What `pyproject.toml` says of imports is checked, not believed."""

    def lint(self, folder: Path) -> str:
        """Return import-linter's report on a copy of the tree."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
            cwd=folder,
            env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "300"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def test_each_breach_is_caught(self) -> None:
        """One forbidden import for each contract, and a room without a floor: every one is named."""
        copy = Path(self.mktemp()).absolute()
        copy.mkdir()
        shutil.copy(ROOT / "pyproject.toml", copy)
        shutil.copytree(ROOT / "ccsproxy", copy / "ccsproxy", ignore=shutil.ignore_patterns("__pycache__", "static"))
        contracts = re.findall(
            r'^\[\[tool\.importlinter\.contracts\]\]\nname = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M
        )
        self.assertEqual(sorted(contracts), sorted(BREACHES))
        for module, forbidden, _ in BREACHES.values():
            file = copy / "ccsproxy" / module
            file.write_text(
                f"import {forbidden}\n" + file.read_text().replace("from __future__ import annotations\n", "")
            )
        (copy / "ccsproxy" / "attic.py").write_text('"""A room without a floor."""\n')
        said = " ".join(self.lint(copy).split())
        for contract, (_, _, words) in BREACHES.items():
            self.assertIn(f"{contract} BROKEN", said)
            self.assertIn(words, said)
        self.assertRegex(said, r"(?i)attic")


class CircleTests(SynchronousTestCase):
    """No two modules import one another, not even through others."""

    def test_no_circle(self) -> None:
        """The modules can be put in an order in which each imports only earlier ones."""
        try:
            TopologicalSorter(imports()).prepare()
        except CycleError as error:
            self.fail(f"a circle: {' -> '.join(error.args[1])}")


def imports() -> dict[str, set[str]]:
    """Return of every module the modules that it imports, imports for type checking left out."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "ccsproxy").rglob("*.py")
    }
    return {name: set(_imported(ast.parse(path.read_text()), files.keys())) - {name} for name, path in files.items()}


def _imported(tree: ast.Module, known: object) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in known]  # type: ignore[operator]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module in known:  # type: ignore[operator]
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in below if name in known]  # type: ignore[operator]
            found += modules if len(modules) == len(below) else [node.module, *modules]
    return found
