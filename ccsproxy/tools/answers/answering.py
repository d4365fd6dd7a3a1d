"""Common parts of the commands in this folder."""

import argparse
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ccsproxy.insight.cost.budget import Budget, budgets_in, parse_budget
from ccsproxy.run import read_run_file
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import NotKept, Reader
from ccsproxy.tools.asking import exchange_of, full_session
from ccsproxy.tools.data_dir import CommandError, WrongUsage, data_dir_of
from ccsproxy.tools.engine_source import source_reader


def open_insights(args: argparse.Namespace, budgets: Sequence[Budget] = ()) -> tuple[Reader, Insights]:
    """Open the store of ``--data-dir`` or the source of ``--from``, and the insights into it.

    :param budgets: those given on the command line; by default those of the running service.
    :raises CommandError: if there is no data dir.
    """
    if (shipped := source_reader(args)) is not None:
        return shipped, Insights(shipped, budgets=lambda: budgets)
    data_dir = data_dir_of(args)
    args.asked = reader = Reader(data_dir)
    return reader, Insights(reader, budgets=lambda: budgets or running_budgets(data_dir))


def running_budgets(data_dir: Path) -> tuple[Budget, ...]:
    """Return the budgets of the running service; empty if none is running."""
    return budgets_in(read_run_file(data_dir) or {})


def read_budgets(texts: Iterable[str]) -> tuple[Budget, ...]:
    """Parse budgets given on the command line.

    :raises QueryError: if one is invalid.
    """
    return tuple(parse_budget(text) for text in texts)


def place_of(reader: Reader, text: str) -> tuple[str, int | None]:
    """Parse ``SESSION/SEQ`` or ``SESSION``; a session may be given as a part of its id, or as ``last``.

    :raises CommandError: if there is no such session.
    """
    session, slash, seq = text.rpartition("/")
    if not slash:
        return full_session(reader, text), None
    if not (seq.isascii() and seq.isdigit()):
        raise WrongUsage(f"{text!r} is not a request; write SESSION/SEQ as 'ccsproxy ls' shows it.")
    return full_session(reader, session), int(seq)


def one_call(reader: Reader, text: str) -> tuple[str, int]:
    """Parse ``SESSION/SEQ``, or ``last`` for the newest request.

    :raises CommandError: if there is no such request.
    """
    if text == "last":
        return exchange_of(reader, text)
    session, seq = place_of(reader, text)
    if seq is None:
        raise WrongUsage(f"{text!r} is a session, not a request; write SESSION/SEQ as 'ccsproxy ls' shows it.")
    return session, seq


def kept(error: NotKept) -> CommandError:
    """Turn the store's error into one sentence."""
    sentence = str(error)
    return CommandError(f"{sentence[:1].upper()}{sentence[1:]}.")


def page_url(args: argparse.Namespace, path: str) -> str | None:
    """Return the URL of a page of the running service, None if none is running."""
    shipped = getattr(args, "source", None)
    running: Mapping[str, Any] = {} if shipped else read_run_file(data_dir_of(args)) or {}
    urls = running.get("api")
    return f"{str(urls[0]).rstrip('/')}{path}" if isinstance(urls, list) and urls else None


def examples(parser: argparse.ArgumentParser, *lines: str) -> None:
    """Add examples to a command's help."""
    # The default formatter would reflow the examples into one paragraph; this one leaves the description, too.
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = textwrap.fill(parser.description or "", max(shutil.get_terminal_size().columns - 2, 40))
    parser.epilog = "examples:\n" + "\n".join(f"  {line}" for line in lines)
