"""``ccsproxy`` without arguments: what to do next, depending on what is found on the machine."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ccsproxy.launch.agent import Agent
from ccsproxy.launch.background import Background
from ccsproxy.launch.registry import AGENTS

_DATA_DIR = Path("~/.ccsproxy")


def run(out: TextIO) -> int:
    """Look at the machine, and suggest the next step.

    :return: the exit status.
    """
    data_dir = _DATA_DIR.expanduser()
    found = [agent for agent in AGENTS if agent.find(os.environ)]
    running = Background(data_dir).running() if data_dir.is_dir() else None
    out.writelines(f"{line}\n" for line in lines(found, running, recorded=_has_records(data_dir)))
    return 0


def _has_records(data_dir: Path) -> bool:
    segments = data_dir / "segments"
    return segments.is_dir() and any(segments.iterdir())


def lines(found: Sequence[Agent], running: Mapping[str, Any] | None, *, recorded: bool) -> Iterator[str]:
    """Yield the lines to print.

    :param found: the installed agents.
    :param running: the run file of the running service, None if there is none.
    :param recorded: whether there are records.
    """
    yield "ccsproxy records what a coding agent sends to its model, and what comes back."
    yield ""
    for agent in found:
        yield f"  ccsproxy {agent.name:<17} starts {agent.title} and records its calls"
    program = "any other program" if found else "starts a program and records its model calls"
    yield f"  ccsproxy run -- COMMAND    {program}"
    if not found:
        yield f"  (no known agent was found: {', '.join(agent.name for agent in AGENTS)})"
        yield "  ccsproxy demo              shows records without an agent or a key"
    if recorded:
        yield "  ccsproxy ls, why last      what was recorded, and what the last session cost"
    if running is None and recorded:
        yield "  ccsproxy open              the dashboard"
    if running is not None:
        address = (running.get("api") or ["no dashboard"])[0]
        yield "  ccsproxy open              the dashboard of the running service"
        yield ""
        yield f"A service is running: proxy {running['proxy'][0]}, dashboard {address}"
    yield ""
    yield "'ccsproxy doctor' finds problems, 'ccsproxy --help' lists all commands."
