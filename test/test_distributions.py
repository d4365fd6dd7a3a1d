"""What is in the wheel and in the sdist."""

import tarfile
import zipfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from test.packaged import ROOT, build, copy_source, files_below


class DistributionTests(SynchronousTestCase):
    """Both hold everything that the program needs, and nothing that would hurt Twisted."""

    sources: ClassVar[list[Path]] = []

    def source(self) -> Path:
        if not self.sources:
            self.sources.append(copy_source(Path(self.mktemp()).absolute()))
        return self.sources[0]

    def test_wheel(self) -> None:
        """Every file of the package, the plugin, and no ``__init__`` in Twisted's name space."""
        with zipfile.ZipFile(build(self.source(), "wheel", Path(self.mktemp()))) as wheel:
            names = wheel.namelist()
            (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
            self.assertIn("ccsproxy = ccsproxy.tools.__main__:main", wheel.read(entry_points).decode())
        self.assertEqual({name for name in names if name.startswith("ccsproxy/")}, files_below(ROOT / "ccsproxy"))
        self.assertEqual([n for n in names if n.startswith("twisted/")], ["twisted/plugins/ccsproxy_plugin.py"])
        rest = {name.split("/")[0] for name in names} - {"ccsproxy", "twisted"}
        self.assertEqual(sorted(name.rpartition(".")[2] for name in rest), ["data", "dist-info"], rest)
        data = [name.partition(".data/")[2] for name in names if ".data/" in name]
        self.assertEqual(data, ["data/share/man/man1/ccsproxy.1"])

    def test_sdist(self) -> None:
        """The wheel's source, its tests, documents and units."""
        with tarfile.open(build(self.source(), "sdist", Path(self.mktemp()))) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        for directory in ("ccsproxy", "twisted", "test", "packaging", "docs"):
            missing = files_below(self.source() / directory) - names
            self.assertEqual(missing, set(), directory)
        self.assertTrue({"setup.py", "setup.cfg", "pyproject.toml", "LICENSE", "README.md", "Makefile"} <= names)
        self.assertFalse({name for name in names if name.startswith("twisted") and name.endswith("__init__.py")})
