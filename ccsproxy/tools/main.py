"""The ``ccsproxy`` command: finds the subcommand's module and runs it."""

import argparse
import difflib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ccsproxy import __version__
from ccsproxy.config.suggest import did_you_mean
from ccsproxy.errors import StartError
from ccsproxy.launch.registry import BY_NAME
from ccsproxy.tools.agents import next_step
from ccsproxy.tools.agents.launching import find_launch, launch
from ccsproxy.tools.data_dir import CommandError

#: The modules of this room that are subcommands, in the order in which the help lists them. Each offers NAME,
#: SUMMARY, ``add_arguments(parser)`` and ``run(args, out, err)``, which returns the exit status.
COMMANDS = (
    *("service.serve", "service.demo", "service.open_page", "service.ca", "service.hub", "service.client_key"),
    *("records.tail", "records.ls", "records.show", "records.search", "records.export", "records.stats"),
    *("answers.top", "answers.why", "answers.cost", "answers.diff", "answers.prompts", "answers.leaks"),
    *("answers.limits", "answers.budget", "answers.prices", "answers.replay"),
    *("agents.up", "agents.down", "agents.status", "agents.doctor", "agents.mock"),
    *(
        "store.verify",
        "store.reindex",
        "store.gc",
        "store.du",
        "store.rm",
        "store.keep",
        "store.scan",
        "store.note",
        "store.ship",
        "store.import_store",
        "store.watch",
    ),
    "completion",
)


#: What `ccsproxy --help` says of agents, which are no commands of ours: all after their names is their own.
_AGENTS = (
    f"ccsproxy AGENT ...  starts an agent and records its calls ({', '.join(BY_NAME)}); ccsproxy run -- COMMAND ... "
    "any other program. Before the name: --via forward|base-url, --label KEY=VALUE, --capture LEVEL, --data-dir DIR, "
    "--quiet; --replay-into SESSION [--speed X] [--match HOW] lets recorded answers stand for the provider's."
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence.

    :ivar commands: the parsers of its commands by name.
    """

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.commands: dict[str, argparse.ArgumentParser] = {}
        self._said: Sequence[str] = ()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; what was said is remembered for the complaint about it."""
        self._said = sys.argv[1:] if args is None else args
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one sentence, which names what may have been meant."""
        # argparse offers its own sentences in English prose alone, so that they are read to say more than they do.
        strange = re.search(r"argument COMMAND: invalid choice: '([^']*)'", message)
        if strange:
            near = difflib.get_close_matches(strange[1], [*self.commands, *BY_NAME, "run"], 3, 0.6)
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            self.exit(2, f"{self.prog}: there is no command {strange[1]!r}{meant or ';'} see '{self.prog} --help'\n")
        unknown = re.search(r"unrecognized arguments: (--\S+)", message)
        if unknown:
            used = next((self.commands[word] for word in self._said if word in self.commands), self)
            strings = (string for action in used._actions for string in action.option_strings)
            message += did_you_mean(unknown[1], (string[2:] for string in strings if string.startswith("--")))
        joint = " " if message.endswith("?") else "; "
        self.exit(2, f"{self.prog}: {message}{joint}see '{self.prog} --help'\n")


def build_parser() -> _Parser:
    """Return the parser of the whole command, every subcommand included."""
    parser = _Parser(prog="ccsproxy", description="A flight recorder for coding agents.", epilog=_AGENTS)
    parser.add_argument("--version", action="version", version=f"ccsproxy {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        command: Any = importlib.import_module(f"ccsproxy.tools.{module}")
        sub = commands.add_parser(command.NAME, help=command.SUMMARY, description=command.SUMMARY)
        command.add_arguments(sub)
        sub.set_defaults(command=command)
        parser.commands[command.NAME] = sub
    return parser


def _open_closed_streams() -> None:
    """Let nothing stand in for the standard streams that whoever started us has closed (``ccsproxy ls >&-``).

    Python has None for them, and the next file that is opened, a segment for one, would get their number: whatever
    wrote a message would write into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param argv: the arguments without the program's name; those of the process when None.
    :return: the exit status: 0 done, 1 failed, 2 used wrongly, 130 interrupted.
    """
    _open_closed_streams()
    try:
        asked = find_launch(sys.argv[1:] if argv is None else argv)
        if asked is not None:
            return launch(asked)
        if not (sys.argv[1:] if argv is None else argv):
            return next_step.run(sys.stdout)
        args = build_parser().parse_args(argv)
        status: int = args.command.run(args, sys.stdout, sys.stderr)
        sys.stdout.flush()
        return status
    except (StartError, CommandError) as error:
        sys.stderr.write(f"ccsproxy: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output is gone; say so to the shell, and keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
