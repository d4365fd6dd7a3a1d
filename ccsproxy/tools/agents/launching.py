"""``ccsproxy [OPTION ...] AGENT ...`` and ``ccsproxy run``: start an agent; what follows its name is passed to it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attr

from ccsproxy.config.suggest import did_you_mean
from ccsproxy.errors import StartError
from ccsproxy.exports.mock.matching import MATCHES, PREFIX
from ccsproxy.launch.agent import BASE_URL, FORWARD, Agent
from ccsproxy.launch.background import Background
from ccsproxy.launch.child import end_as
from ccsproxy.launch.leases import is_wanted
from ccsproxy.launch.receipt import read_receipt
from ccsproxy.launch.registry import BY_NAME
from ccsproxy.launch.replayed import start_replayed
from ccsproxy.launch.start import LaunchResult, program_of, start
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.answers.answering import examples
from ccsproxy.tools.data_dir import CommandError, WrongUsage

#: Seconds to wait for the records of the last calls.
_WRITTEN_WITHIN = 1.0


@attr.frozen
class Launch:
    """A command line that starts an agent.

    :ivar options: the options before the agent's name.
    :ivar name: the agent's name, or ``run``.
    :ivar words: everything after it.
    """

    options: argparse.Namespace
    name: str
    words: Sequence[str]


def option_parser() -> argparse.ArgumentParser:
    """Return the parser of the options before an agent's name."""
    # No abbreviations: one that is unambiguous today could become ambiguous with the next option.
    parser = argparse.ArgumentParser(prog="ccsproxy", add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--data-dir", metavar="DIR", default="~/.ccsproxy", help="the data dir (default: ~/.ccsproxy)"
    )
    parser.add_argument(
        "--via", choices=(FORWARD, BASE_URL), default="",
        help="as a proxy, or as the API's base URL (default: what changes least in the agent)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no receipt at the end")
    parser.add_argument(
        "--label", metavar="KEY=VALUE", action="append", default=[], help="a label for its calls; repeatable"
    )
    parser.add_argument(
        "--capture", choices=("full", "metadata", "off"), help="how much is kept, if the service has to be started"
    )
    parser.add_argument(
        "--replay-into",
        metavar="SESSION",
        default="",
        help="answer it from a recorded session, not from the provider",
    )
    parser.add_argument("--speed", metavar="X", default="1", help="with --replay-into, as for mock")
    parser.add_argument("--match", choices=MATCHES, default=PREFIX, help="with --replay-into, as for mock")
    return parser


def run_parser() -> argparse.ArgumentParser:
    """Return the parser that explains ``run``; the same options go before the name of an agent."""
    parser = argparse.ArgumentParser(
        prog="ccsproxy run",
        parents=[option_parser()],
        description="Start a program and record its calls of LLM APIs. It runs as without ccsproxy: same terminal, "
        "signals and exit status. The options also go before an agent's name: ccsproxy --label task=refund claude.",
    )
    parser.add_argument("command", metavar="-- COMMAND", nargs="...", help="the program and its own options")
    examples(parser, "ccsproxy run -- python my_agent.py", "ccsproxy run --label task=refund -- ./agent --fast")
    return parser


def find_launch(argv: Sequence[str]) -> Launch | None:
    """Return how to start an agent, None if the command line is of another command."""
    for position, word in enumerate(argv):
        if word in BY_NAME or word == "run":
            parser = option_parser()
            options, left = parser.parse_known_args(list(argv[:position]))
            if left and argv[0].startswith("--"):
                raise WrongUsage(_unknown(next(each for each in left if each.startswith("-")), word, parser))
            if left:  # the name was an argument of another command, as in 'ccsproxy search claude'
                return None
            return _with_own(parser, options, word, list(argv[position + 1 :]))
    return None


def _with_own(parser: argparse.ArgumentParser, options: argparse.Namespace, name: str, words: list[str]) -> Launch:
    """Parse ``run``'s own options, which may also follow its name, up to the command."""
    if name != "run":
        return Launch(options, name, words)
    while words and words[0].startswith("--") and words[0] != "--":
        # Each of them except this one takes a value, which is the next word.
        taken = 1 if words[0] == "--quiet" or "=" in words[0] else 2
        options, left = parser.parse_known_args(words[:taken], options)
        if left:
            raise WrongUsage(_unknown(left[0], "run", parser))
        words = words[taken:]
    return Launch(options, name, words[1:] if words[:1] == ["--"] else words)


def _unknown(option: str, name: str, parser: argparse.ArgumentParser) -> str:
    """Describe an option that is not allowed before an agent's name, and suggest a similar one."""
    known = [string[2:] for action in parser._actions for string in action.option_strings]
    nearest = did_you_mean(option, known) or f"; there are {', '.join(f'--{each}' for each in known)}."
    return f"{option} is not allowed before {name!r}{nearest} The agent's own options come after its name."


def launch(request: Launch) -> int:
    """Start the agent, wait for it, print the receipt, and exit with its status.

    :return: its exit status; if a signal ended it, the same signal ends us.
    """
    options = request.options
    data_dir = Path(options.data_dir).expanduser().absolute()
    if options.replay_into:
        return _replayed(request, data_dir)
    background = Background(data_dir, ("--capture", options.capture) if options.capture else ())
    labels = dict(_label(text) for text in options.label)
    agent, command = _command(request)
    started = start(agent, command, background, options.via, labels, _say)
    if not options.quiet:
        _write_receipt(data_dir, started)
    return end_as(started.status)


def _command(request: Launch) -> tuple[Agent | None, list[str]]:
    """Return the known agent, None for any program, and the command line."""
    agent = BY_NAME.get(request.name)
    return agent, _program(request.words) if agent is None else [program_of(agent, os.environ), *request.words]


def _replayed(request: Launch, data_dir: Path) -> int:
    """Start the agent against recorded responses, and exit with its status."""
    options = request.options
    if not data_dir.is_dir():
        raise CommandError(f"There is no data dir at {data_dir}; name it with --data-dir.")
    if options.label or options.capture:
        raise WrongUsage("--replay-into records nothing; remove --label and --capture.")
    agent, command = _command(request)
    mock = [options.replay_into, "--speed", options.speed, "--match", options.match]
    result = start_replayed(agent, command, data_dir, mock, options.via)
    if not options.quiet:
        sys.stderr.writelines(line + "\n" for line in result.lines())
    return end_as(result.status)


def _say(text: str) -> None:
    sys.stderr.write(f"ccsproxy: {text}\n")


def _label(text: str) -> tuple[str, str]:
    key, mark, value = text.partition("=")
    if not mark or not key or "," in text:
        raise WrongUsage(
            f"--label {text!r} is invalid: write KEY=VALUE without commas, for example --label task=refund"
        )
    return key, value


def _program(words: Sequence[str]) -> list[str]:
    if not words:
        raise WrongUsage("Name the command to run: ccsproxy run -- COMMAND ...")
    path = shutil.which(words[0])
    if path is None:
        raise StartError(f"{words[0]}: no such command")
    return [path, *words[1:]]


def _write_receipt(data_dir: Path, started: LaunchResult) -> None:
    """Print the receipt; failures here are not the agent's fault and do not change its exit status."""
    # Records are written after the responses, and nothing tells another process that the last one is written.
    time.sleep(_WRITTEN_WITHIN)
    try:
        reader = Reader(data_dir)
        try:
            receipt = read_receipt(reader, started)
        finally:
            reader.close()
    except Exception as error:
        _say(f"the receipt could not be created: {error}")
        return
    # A service without other users is about to exit, so its address is useless; 'ccsproxy open' starts one.
    api = (started.run_file.get("api") or [""]) if is_wanted(data_dir) else [""]
    for line in receipt.lines(api[0]):
        sys.stderr.write(line + "\n")
