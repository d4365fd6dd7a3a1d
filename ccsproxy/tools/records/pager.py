"""A pager for terminals; plain output otherwise."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TextIO

#: Text that fits on one screen is printed directly, with colours.
_LESS = "less -FRX"


def pager_of(environ: Mapping[str, str]) -> list[str]:
    """Return the pager's command, empty if the user wants none or none is installed."""
    wanted = environ.get("CCSPROXY_PAGER", environ.get("PAGER", _LESS)).strip()
    command = shlex.split(wanted) if wanted not in ("", "cat") else []
    return command if command and shutil.which(command[0]) else []


@contextmanager
def paged(out: TextIO, environ: Mapping[str, str] = os.environ) -> Iterator[IO[str]]:
    """Yield the stream to write to: the pager's if the output is a terminal, else the given one."""
    command = pager_of(environ) if out.isatty() and environ.get("TERM") != "dumb" else []
    if not command:
        yield out
        return
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, errors="replace") as pager:  # noqa: S603
        assert pager.stdin is not None  # noqa: S101  (a pipe was requested)
        try:
            yield pager.stdin
            pager.stdin.close()
        except BrokenPipeError:
            # The user has quit the pager; that ends the command just as the end of the text does.
            pager.stdin = None
