"""The list of commands in the help, grouped by what somebody wants to do."""

import shutil
import textwrap
from collections.abc import Iterator, Mapping

from ccsproxy.launch.registry import BY_NAME

#: The groups in the order of the help; every command is in one.
GROUPS = {
    "Run and record": ("serve", "up", "down", "status", "open", "doctor", "demo"),
    "Look at records": ("ls", "tail", "top", "show", "search", "stats", "export", "share", "note"),
    "Ask why, and what it cost": ("why", "cost", "diff", "prompts", "leaks", "limits", "budget", "prices"),
    "Make calls again": ("replay", "mock", "mcp"),
    "Keep records": ("du", "gc", "keep", "rm", "scan", "verify", "reindex", "import", "watch"),
    "Share with a team": ("ship", "hub", "client-key"),
    "Set up": ("ca", "completion"),
}
_AGENTS = (
    ("AGENT ...", f"Start an agent and record its calls: {', '.join(BY_NAME)}."),
    ("run -- COMMAND ...", "Start any other program and record its calls; see 'ccsproxy run --help'."),
)
#: The column at which summaries begin.
_INDENT = 14


def listing(summaries: Mapping[str, str]) -> str:
    """Return the list of commands.

    :param summaries: what each command does, in one sentence.
    """
    width = max(shutil.get_terminal_size().columns - 2, 40)
    lines = ["Start an agent:", *(line for each in _AGENTS for line in _entry(*each, width))]
    for title, names in GROUPS.items():
        lines += ["", f"{title}:"]
        lines += [line for name in names if name in summaries for line in _entry(name, summaries[name], width)]
    return "\n".join([*lines, "", "'ccsproxy COMMAND --help' explains a command."])


def _entry(name: str, summary: str, width: int) -> Iterator[str]:
    """Yield the lines of one command; a long name has a line of its own."""
    lines = textwrap.wrap(summary, width - _INDENT)
    if len(name) > _INDENT - 4:
        yield f"  {name}"
    else:
        yield f"  {name}".ljust(_INDENT) + lines.pop(0)
    for line in lines:
        yield " " * _INDENT + line
