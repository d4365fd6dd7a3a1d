"""What is costly to make and the same for all tests: made once in a run of the suite, and copied for each."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

#: Names the folder of a run of the suite (see `test.runner`); without one, each process makes what it needs.
FOLDER = "CCSPROXY_SUITE_FOLDER"
_own: list[Path] = []


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the path of what was made, which nobody may change.

    :param name: of the file or folder, the same for the same content.
    :param make: makes it at a path. Two jobs may do so at a time; they make the same, and one of them is kept.
    """
    path = _folder() / name
    if not path.exists():
        aside = Path(tempfile.mkdtemp(dir=path.parent)) / name
        make(aside)
        try:
            aside.rename(path)
        except OSError:  # another job was faster
            shutil.rmtree(aside.parent)
    return path


def _folder() -> Path:
    shared = os.environ.get(FOLDER)
    if shared:
        return Path(shared)
    if not _own:
        _own.append(Path(tempfile.mkdtemp(prefix="made-once-", dir=os.getcwd())))
    return _own[0]
