"""Common parts of the commands that work on a data directory: its option, its checks, error reports."""

import argparse
import functools
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ccsproxy import __version__
from ccsproxy.errors import DataDirError
from ccsproxy.store.control import ControlReply, ControlRequest, ask
from ccsproxy.store.directory import DataDirBusy
from ccsproxy.store.engine.engine import EngineError
from ccsproxy.store.index.file import IndexUnusable
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.query import QueryError
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.settings import StoreSettings

Run = Callable[[argparse.Namespace, TextIO, TextIO], int]


class CommandError(Exception):
    """The command cannot do what was requested; the message is one sentence for the user."""


class WrongUsage(CommandError):
    """An argument that no data could make right; the message is one sentence for the user, the exit status 2."""


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Declare ``--data-dir`` and ``--json``."""
    parser.add_argument(
        "--data-dir", metavar="DIR", default="~/.ccsproxy", help="the data dir (default: ~/.ccsproxy)"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def data_dir_of(args: argparse.Namespace) -> Path:
    """Return the data dir.

    :raises CommandError: if it does not exist.
    """
    path = Path(args.data_dir).expanduser()
    if not path.is_dir():
        raise CommandError(f"There is no data dir at {path}; name it with --data-dir.")
    check_readable(path)
    return path


def check_readable(path: Path) -> None:
    """Check that the data dir, if it exists, may be read by this user.

    :raises CommandError: if it may not.
    """
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise CommandError(f"The data dir {path} belongs to another user (id {path.stat().st_uid}) and may not be "
                           "read by you; name your own with --data-dir.")  # fmt: skip


def offline_store(data_dir: Path, **settings: Any) -> OfflineStore:
    """Open a store that no service writes to.

    :param settings: see `ccsproxy.store.settings.StoreSettings`.
    """
    return OfflineStore(data_dir, StoreSettings(writer=f"ccsproxy/{__version__}", **settings))


def changed(
    data_dir: Path,
    offline: Callable[[OfflineStore], ControlReply],
    request: ControlRequest,
    settings: Mapping[str, Any] | None = None,
) -> ControlReply:
    """Change a store: through the service that writes to it, or directly if none does.

    :param settings: see `offline_store`.
    :raises DataDirBusy: if a service writes to it that does not accept requests.
    """
    while True:
        try:
            with offline_store(data_dir, **(settings or {})) as store:
                return offline(store)
        except DataDirBusy:
            # A service that exits during the request gives no reply and releases the store: then try directly again.
            reply = ask(data_dir, request)
        if reply is not None:
            return reply


def reported(run: Run) -> Run:
    """Wrap a command so that failures are reported in one sentence, never with a traceback.

    The exit status is 2 for a wrong argument or an invalid query, and 1 for everything else.
    """

    @functools.wraps(run)
    def guarded(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
        status = _status_of(run, args, out, err)
        _say_what_lacks(args, err)
        return status

    return guarded


def _status_of(run: Run, args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    try:
        return run(args, out, err)
    except DataDirBusy:
        err.write(f"A running ccsproxy writes to {args.data_dir}; stop it first, then run this again.\n")
    except WrongUsage as reason:
        err.write(f"{reason}\n")
        return 2
    except (CommandError, DataDirError, IndexUnusable) as reason:
        err.write(f"{reason}\n")
    except EngineError as reason:
        err.write(f"The shipped records cannot be read at the moment: {reason}.\n")
    except BrokenPipeError:
        raise  # the reader of our output has closed the pipe, which is not an error
    except QueryError as reason:
        err.write(f"{reason}\n")
        return 2
    except (OSError, ValueError, PackedError, sqlite3.Error) as reason:
        err.write(f"{args.data_dir} could not be used: {reason}\n")
    return 1


def _say_what_lacks(args: argparse.Namespace, err: TextIO) -> None:
    """Warn, if a command used an incomplete index, that records may be missing from its answer."""
    asked = getattr(args, "asked", None)
    for sentence in list(getattr(asked, "unreadable", {}).values()):
        err.write(f"{sentence} It is missing here.\n")
    if asked is not None and _is_incomplete(asked):
        err.write("The index is incomplete, so records may be missing here: a running ccsproxy completes it, "
                  "otherwise run 'ccsproxy reindex'.\n")  # fmt: skip


def _is_incomplete(asked: Any) -> bool:
    try:
        return bool(asked.rebuilding())
    except OSError:  # which the command has told, if it needed it
        return False


def write_json(out: TextIO, value: Any) -> None:
    """Write a value as one line of JSON."""
    out.write(msgspec.json.encode(value).decode() + "\n")


def size_text(size: int) -> str:
    """Format a number of bytes."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
