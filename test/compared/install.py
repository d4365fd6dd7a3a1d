"""Installing the programs by npm and pip into a folder outside of this tree."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

from test.compared.programs import Program

#: Several agents need a newer Node than Debian's.
NODE = "node@22"
_NPM = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix")


def install(program: Program, folder: Path, *, renew: bool = False) -> None:
    """Install a program unless it is there.

    :param renew: install what is newest now, where no version is asked for.
    :raises CalledProcessError: when it cannot be.
    """
    for place, packages in ((folder / "npm" / program.name, program.npm), (folder / "npm" / "node", (NODE,))):
        if packages and (renew or not (place / "node_modules" / _bare(packages[0])).is_dir()):
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run([*_NPM, str(place), *packages], check=True)
    place = folder / "pip" / program.name
    if program.pip and (renew or not (place / "bin" / "python").exists()):
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade"]
        subprocess.run([*pip, *program.pip], check=True)


def paths(program: Program, folder: Path) -> list[Path]:
    """Return where its program and its Node are."""
    npm = folder / "npm"
    return [
        npm / program.name / "node_modules" / ".bin",
        folder / "pip" / program.name / "bin",
        npm / "node" / "node_modules" / "node" / "bin",
    ]


def version(program: Program, folder: Path) -> str:
    """Return the version that is installed.

    :raises OSError: when none is.
    """
    if program.npm:
        package = folder / "npm" / program.name / "node_modules" / _bare(program.npm[0]) / "package.json"
        return str(json.loads(package.read_text("utf-8"))["version"])
    (site,) = (folder / "pip" / program.name / "lib").glob("python*/site-packages")
    (found,) = importlib.metadata.distributions(name=program.pip[0], path=[str(site)])
    return found.version


def _bare(package: str) -> str:
    return re.sub(r"(?<=.)@.*", "", package)
