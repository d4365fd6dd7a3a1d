"""``ccsproxy client-key``: creates a credential for a user of a gateway."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from typing import TextIO

from ccsproxy.config.keys import digest_of, read_client_keys
from ccsproxy.errors import ConfigError
from ccsproxy.tools.data_dir import CommandError, WrongUsage, reported

NAME = "client-key"
SUMMARY = "Create a credential for a caller of this gateway (see --client-keys)."

#: The prefix of credentials, by which people and scanners recognise them.
PREFIX = "ccsk-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("person", metavar="NAME", help="the person's name, as records will show it")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="append to this --client-keys file, creating it if needed"
    )


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print a new credential, which is shown only once, and its line for the file."""
    # The file is split into words, and a line that begins with # is a comment.
    if not args.person.isprintable() or args.person.startswith("#") or not 0 < len(args.person.split()) < 2:
        raise WrongUsage("the name must be one word, without spaces")
    key = PREFIX + secrets.token_urlsafe(32)
    line = f"{args.person} sha256:{digest_of(key.encode()).hex()}\n"
    if args.file is not None:
        _append(args.file.expanduser(), line)
        out.write(f"{key}\n")
        err.write("This is shown only once. A running gateway accepts it after SIGHUP.\n")
    else:
        out.write(f"{key}\n{line}")
    return 0


def _append(path: Path, line: str) -> None:
    try:
        # A file that the gateway would reject is not extended: its error is reported here and now.
        if path.exists():
            read_client_keys(path)
        # O_APPEND: two concurrent runs write two lines, and neither overwrites the other.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
