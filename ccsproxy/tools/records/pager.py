"""A pager for people at a terminal; plain output everywhere else."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TextIO

#: Shown in place where it fits on one screen, colours kept.
_LESS = "less -FRX"


def pager_of(environ: Mapping[str, str]) -> list[str]:
    """Return the command of the pager, empty where the user wants none or there is none."""
    wanted = environ.get("CCSPROXY_PAGER", environ.get("PAGER", _LESS)).strip()
    command = shlex.split(wanted) if wanted not in ("", "cat") else []
    return command if command and shutil.which(command[0]) else []


@contextmanager
def paged(out: TextIO, environ: Mapping[str, str] = os.environ) -> Iterator[IO[str]]:
    """Give a stream to write to: the pager's where a terminal reads, else the one that was given."""
    command = pager_of(environ) if out.isatty() and environ.get("TERM") != "dumb" else []
    if not command:
        yield out
        return
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, errors="replace") as pager:  # noqa: S603
        assert pager.stdin is not None  # noqa: S101  (a pipe was asked for)
        try:
            yield pager.stdin
            pager.stdin.close()
        except BrokenPipeError:
            # The reader has seen enough; that ends the command as well as the end of the text does.
            pager.stdin = None
