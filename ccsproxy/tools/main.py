"""The ``ccsproxy`` command: finds the subcommand's module and runs it."""

import argparse
import difflib
import importlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from ccsproxy import __version__
from ccsproxy.errors import StartError
from ccsproxy.launch.registry import BY_NAME
from ccsproxy.tools.command_list import listing
from ccsproxy.tools.data_dir import CommandError, WrongUsage

#: The subcommands with their modules. A module has NAME, SUMMARY,
#: ``add_arguments(parser)`` and ``run(args, out, err)``, which returns the exit status.
COMMANDS = {
    "serve": "service.serve",
    "demo": "service.demo",
    "open": "service.open_page",
    "ca": "service.ca",
    "hub": "service.hub",
    "client-key": "service.client_key",
    "tail": "records.tail",
    "ls": "records.ls",
    "show": "records.show",
    "search": "records.search",
    "export": "records.export",
    "share": "records.share",
    "stats": "records.stats",
    "top": "answers.top",
    "why": "answers.why",
    "cost": "answers.cost",
    "diff": "answers.diff",
    "prompts": "answers.prompts",
    "leaks": "answers.leaks",
    "limits": "answers.limits",
    "budget": "answers.budget",
    "prices": "answers.prices",
    "replay": "answers.replay",
    "mcp": "answers.mcp",
    "up": "agents.up",
    "down": "agents.down",
    "status": "agents.status",
    "doctor": "agents.doctor",
    "mock": "agents.mock",
    "verify": "store.verify",
    "reindex": "store.reindex",
    "gc": "store.gc",
    "du": "store.du",
    "rm": "store.rm",
    "keep": "store.keep",
    "scan": "store.scan",
    "note": "store.note",
    "ship": "store.ship",
    "import": "store.import_store",
    "watch": "store.watch",
    "completion": "completion",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose error messages are one sentence.

    :ivar commands: the parsers of its commands by name.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.commands: dict[str, argparse.ArgumentParser] = {}
        self._said: Sequence[str] = ()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and remember the arguments for the error message."""
        self._said = sys.argv[1:] if args is None else args
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one sentence, with a suggestion if there is a similar name."""
        # argparse offers its messages only as English text, so they are parsed in order to improve them.
        strange = re.search(r"argument COMMAND: invalid choice: '([^']*)'", message)
        if strange:
            meant = _meant(strange[1], [*self.commands, *BY_NAME, "run"])
            self.exit(2, f"{self.prog}: there is no command {strange[1]!r}{meant or ';'} see '{self.prog} --help'\n")
        if message.endswith("required: COMMAND") and self._said:
            # argparse complains about a missing command, but the actual error is an unknown option.
            message = f"unrecognized arguments: {self._said[0]}"
        unknown = re.search(r"unrecognized arguments: (\S+)", message)
        used = next((self.commands[word] for word in self._said if unknown and word in self.commands), self)
        message += _nearest_option(unknown[1], used) if unknown and unknown[1].startswith("--") else ""
        joint = " " if message.endswith("?") else "; "
        self.exit(2, f"{used.prog}: {message}{joint}see '{used.prog} --help'\n")


def _meant(word: str, known: Sequence[str]) -> str:
    """Return the end of a sentence with suggested commands, empty if no name is similar."""
    # Two swapped letters are a typing error, too, and half of a short name.
    near = difflib.get_close_matches(word, known, 3, 0.6) or [name for name in known if sorted(name) == sorted(word)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _nearest_option(option: str, used: argparse.ArgumentParser) -> str:
    # Imported here, because config imports much and most command lines are correct.
    from ccsproxy.config.suggest import did_you_mean

    strings = (string for action in used._actions for string in action.option_strings)
    return did_you_mean(option, (string[2:] for string in strings if string.startswith("--")))


def build_parser(names: Iterable[str] = COMMANDS) -> _Parser:
    """Return the command's parser.

    :param names: the subcommands to include, all of them for help and for error messages. Only their modules are
        imported: all together import most of ccsproxy, which takes longer than what most of them do.
    """
    parser = _Parser(
        prog="ccsproxy",
        usage="ccsproxy [-h] [--version] COMMAND ...",
        description="A flight recorder for coding agents.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ccsproxy {__version__}")
    # Named here, or it would be made of the usage. The commands are listed below, in groups.
    commands = parser.add_subparsers(prog="ccsproxy", help=argparse.SUPPRESS, metavar="COMMAND", required=True)
    summaries = {}
    for name in names:
        command: Any = importlib.import_module(f"ccsproxy.tools.{COMMANDS[name]}")
        sub = commands.add_parser(command.NAME, description=command.SUMMARY)
        command.add_arguments(sub)
        sub.set_defaults(command=command)
        parser.commands[command.NAME] = sub
        summaries[command.NAME] = command.SUMMARY
    parser.epilog = listing(summaries)
    return parser


def _open_closed_streams() -> None:
    """Open standard streams that the parent process has closed (``ccsproxy ls >&-``).

    Python has None for them, and the next file that is opened, such as a segment, would get their descriptor: any
    message would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))


def _run(words: Sequence[str]) -> int:
    """Run the requested command, importing no more than it needs."""
    if not words:
        next_step: Any = importlib.import_module("ccsproxy.tools.agents.next_step")
        return int(next_step.run(sys.stdout))
    first = words[0]
    if first not in COMMANDS and first not in ("-h", "--help", "--version"):
        launching: Any = importlib.import_module("ccsproxy.tools.agents.launching")
        if words[:1] == ["run"] and words[1:2] in (["-h"], ["--help"]):
            sys.stdout.write(launching.run_parser().format_help())
            return 0
        started = launching.find_launch(words)
        if started is not None:
            return int(launching.launch(started))
    behind = next((word for word in words if word in COMMANDS), "") if first.startswith("--") else ""
    if behind and first not in ("--help", "--version"):
        raise WrongUsage(f"options go after the command: ccsproxy {behind} {first} ...")
    names = [first] if first in COMMANDS else [] if first == "--version" else COMMANDS
    args = build_parser(names).parse_args(words)
    return int(args.command.run(args, sys.stdout, sys.stderr))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param argv: the arguments without the program's name; None for those of the process.
    :return: the exit status: 0 success, 1 failure, 2 usage error, 130 interrupted.
    """
    _open_closed_streams()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except (StartError, CommandError) as error:
        sys.stderr.write(f"ccsproxy: {error}\n")
        return 2 if isinstance(error, WrongUsage) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output is gone: report it to the shell, and keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
