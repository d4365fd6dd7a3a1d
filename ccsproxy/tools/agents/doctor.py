"""``ccsproxy doctor``: what is in an agent's way, what a base URL would change in it, and the cure."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import attr

from ccsproxy.launch.agent import Agent, Surroundings
from ccsproxy.launch.background import Background
from ccsproxy.launch.diagnosis import (
    NOTE,
    OK,
    TROUBLE,
    Diagnosis,
    examine_agent,
    examine_machine,
    examine_service,
    examine_shell,
)
from ccsproxy.launch.registry import AGENTS, BY_NAME
from ccsproxy.tools.agents.status import read_health
from ccsproxy.tools.data_dir import CommandError, add_data_dir, reported, write_json

NAME = "doctor"
SUMMARY = "Say what is in an agent's way, what would change in it, and the cure. Exit status 1 when something is."
_MARKS = {OK: "ok  ", NOTE: "note", TROUBLE: "!!  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("agent", nargs="?", help="an agent; default: all that are installed")
    add_data_dir(parser)


@reported
def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Examine everything, and say it."""
    surroundings = Surroundings(Path.home(), Path.cwd(), dict(os.environ))
    data_dir = Path(args.data_dir).expanduser().absolute()
    found = Background(data_dir).running() if data_dir.is_dir() else None
    findings = [
        *(finding for agent in _chosen(args.agent, surroundings) for finding in examine_agent(agent, surroundings)),
        *examine_shell(surroundings),
        *examine_machine(data_dir),
        *examine_service(found, read_health(found) if found else {}),
    ]
    if args.json:
        write_json(out, [attr.asdict(finding) for finding in findings])
    else:
        out.writelines(_lines(findings))
    return 1 if any(finding.state == TROUBLE for finding in findings) else 0


def _chosen(name: str | None, surroundings: Surroundings) -> list[Agent]:
    if name is None:
        return [agent for agent in AGENTS if agent.find(surroundings.environment)]
    if name not in BY_NAME:
        raise CommandError(f"No agent is called {name!r}; there are {', '.join(BY_NAME)}.")
    return [BY_NAME[name]]


def _lines(findings: Iterable[Diagnosis]) -> Iterable[str]:
    for finding in findings:
        yield f"{_MARKS[finding.state]}  {finding.about:<12} {finding.text}\n"
        if finding.cure and finding.state != OK:
            yield f"{'':>18} {finding.cure}\n"
