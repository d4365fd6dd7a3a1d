"""``ccsproxy completion``: completion scripts for shells, made from the commands themselves."""

import argparse
from collections.abc import Mapping
from typing import TextIO

NAME = "completion"
SUMMARY = 'Print a completion script: eval "$(ccsproxy completion bash)".'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the completion script of the shell."""
    from ccsproxy.tools.main import build_parser

    words = words_of(build_parser())
    out.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](words))
    return 0


def words_of(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Return command to its options, sorted."""
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: sorted(_options(sub)) for name, sub in sorted(subparsers.choices.items())}


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [text for action in parser._actions for text in action.option_strings if text.startswith("--")]


def _bash(words: Mapping[str, list[str]]) -> str:
    cases = "\n".join(f'        {name}) words="{" ".join(options)}" ;;' for name, options in words.items())
    return f"""_ccsproxy() {{
    local words current="${{COMP_WORDS[COMP_CWORD]}}"
    case "${{COMP_WORDS[1]}}" in
{cases}
        *) words="" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then words="{" ".join(words)}"; fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _ccsproxy ccsproxy
"""


def _zsh(words: Mapping[str, list[str]]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: Mapping[str, list[str]]) -> str:
    lines = [f"complete -c ccsproxy -n __fish_use_subcommand -a {name}" for name in words]
    for name, options in words.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c ccsproxy -n {seen} -l {option[2:]}" for option in options]
    return "\n".join(lines) + "\n"
