"""Tests of the rules of the tree: each contract of import-linter catches what it forbids, and there is no circle."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
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


#: Modules that are tested with what is made of them, and where.
TESTED_WITH = {
    "dashboard/service": "dashboard/test_pages.py",
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


class MirrorTests(SynchronousTestCase):
    """Who looks for the tests of a module finds them by its name."""

    #: The rooms in which each module has a test file of its own.
    ROOMS = ("clients", "dashboard", "exports", "tools")

    def test_each_module_has_its_test_file(self) -> None:
        """``test/clients/test_codex.py`` is for ``ccsproxy/clients/codex.py``; exceptions are listed."""
        listed, missing = set(TESTED_WITH), []
        for room in self.ROOMS:
            for module in (ROOT / "ccsproxy" / room).rglob("*.py"):
                name = module.relative_to(ROOT / "ccsproxy").with_suffix("")
                own = ROOT / "test" / name.parent / f"test_{name.name}.py"
                if name.name.startswith("__"):
                    continue
                if own.exists() == (str(name) in listed):
                    missing.append(str(name))
                listed.discard(str(name))
        self.assertEqual((sorted(missing), sorted(listed)), ([], []))
        self.assertEqual([path for path in TESTED_WITH.values() if not (ROOT / "test" / path).exists()], [])


#: Files beside one another in a folder of `ccsproxy`, in those of the named rooms, and loose ones at its top.
SIBLINGS, IN_WIDE_ROOMS, LOOSE = 14, 22, 4
WIDE_ROOMS = frozenset({"api", "store", "tools", "dialects"})


def crowded(package: Path) -> dict[str, int]:
    """Return the folders of a package that hold more files beside one another than are taken in at a glance."""
    found = {}
    for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
        count = sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        name = str(folder.relative_to(package))
        most = LOOSE if name == "." else IN_WIDE_ROOMS if name in WIDE_ROOMS else SIBLINGS
        if count > most:
            found[name] = count
    return found


class FolderTests(SynchronousTestCase):
    """A folder is taken in at a glance."""

    def test_no_folder_is_crowded(self) -> None:
        """Part what belongs together off into a folder of its own."""
        self.assertEqual(crowded(ROOT / "ccsproxy"), {})

    def test_a_crowded_folder_is_caught(self) -> None:
        """One file too many, at the top, in a room, in a wide room, and in a folder within a folder."""
        package = Path(self.mktemp())
        for name, most in ((".", LOOSE), ("wire", SIBLINGS), ("api", IN_WIDE_ROOMS), ("ship/api", SIBLINGS)):
            (package / name).mkdir(parents=True, exist_ok=True)
            for number in range(most):
                (package / name / f"m{number}.py").touch()
            (package / name / "__init__.py").touch()
        self.assertEqual(crowded(package), {})
        for name in (".", "wire", "api", "ship/api"):
            (package / name / "one_more.py").touch()
        found = {".": LOOSE + 1, "wire": SIBLINGS + 1, "api": IN_WIDE_ROOMS + 1, "ship/api": SIBLINGS + 1}
        self.assertEqual(crowded(package), found)


class NameTests(SynchronousTestCase):
    """A class name is found once in the tree."""

    #: Those that stand for two things; docs/architecture.md says why.
    TWICE = {"Dialect", "Process", "Reader", "Reading", "Redactor", "Store"}

    def test_a_class_name_stands_for_one_thing(self) -> None:
        """Give a second class of the same name a name of its own, or say in docs/architecture.md why not."""
        found = Counter(
            name
            for path in (ROOT / "ccsproxy").rglob("*.py")
            for name in re.findall(r"^ *class ([A-Za-z]\w*)", path.read_text(), re.MULTILINE)
        )
        self.assertEqual({name for name, count in found.items() if count > 1}, self.TWICE)
        page = (ROOT / "docs" / "architecture.md").read_text()
        self.assertEqual([name for name in self.TWICE if f"`{name}`" not in page], [])
