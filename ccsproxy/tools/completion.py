"""``ccsproxy completion``: shell completion scripts, generated from the commands themselves."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.insight.query import FIELDS, SORTS
from ccsproxy.store.reader.reader import Reader
from ccsproxy.tools.data_dir import add_data_dir

NAME = "completion"
SUMMARY = 'Print a completion script: eval "$(ccsproxy completion bash)".'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish", "words"))
    parser.add_argument("--begun", metavar="TEXT", default="", help="with words: what was typed of a query so far")
    add_data_dir(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the shell's completion script, or the completions of a word of a query."""
    from ccsproxy.tools.main import build_parser

    if args.shell == "words":
        out.write("".join(f"{word}\n" for word in query_words(args)))
        return 0
    words = words_of(build_parser())
    out.write({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](words))
    return 0


def query_words(args: argparse.Namespace) -> list[str]:
    """Return the completions of a word of a query: fields, then the recorded values of a field."""
    sign = "-" if args.begun.startswith("-") else ""
    field, colon, begun = args.begun.lstrip("-").partition(":")
    if not colon:
        return [f"{sign}{each}:" for each in FIELDS if each.startswith(field)]
    values: list[Any] = list(_FIXED.get(field, ()))
    path = Path(args.data_dir).expanduser()
    if not values and path.is_dir():
        values = Reader(path).meta().get(_IN_META.get(field, field), [])
    first, comma, last = begun.rpartition(",")
    texts = (str(value) for value in values if value is not None)
    return [f"{sign}{field}:{first}{comma}{_quoted(text)}" for text in texts if last.casefold() in text.casefold()][
        :50
    ]


_IN_META = {"project": "cwd"}
_FIXED = {
    "sort": [*(f"-{each}" for each in SORTS), *SORTS],
    "since": ["today", "yesterday", "week", "month", "1h", "24h", "7d"],
    "errors": ["yes", "no"],
    "starred": ["yes", "no"],
    "status": [">=400", "4xx", "5xx"],
}


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def words_of(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Return the options of each command, sorted."""
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
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{" ".join(words)}"
    elif [[ "$current" != --* && " {" ".join(_ASKING)} " == *" ${{COMP_WORDS[1]}} "* ]]; then
        compopt -o nospace
        COMPREPLY=($(ccsproxy completion words --begun="$current" 2>/dev/null))
        return
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
# A field and its value are one word.
COMP_WORDBREAKS=${{COMP_WORDBREAKS//:/}}
complete -o default -F _ccsproxy ccsproxy
"""


#: Commands that take a query.
_ASKING = ("ls", "cost", "tail")


def _zsh(words: Mapping[str, list[str]]) -> str:
    # zsh has an emulation of bash's completion, so one script serves both.
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: Mapping[str, list[str]]) -> str:
    lines = [f"complete -c ccsproxy -n __fish_use_subcommand -a {name}" for name in words]
    for name, options in words.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c ccsproxy -n {seen} -l {option[2:]}" for option in options]
    asking = f"'__fish_seen_subcommand_from {' '.join(_ASKING)}'"
    lines.append(f"complete -c ccsproxy -f -n {asking} -a '(ccsproxy completion words --begun=(commandline -ct))'")
    return "\n".join(lines) + "\n"
