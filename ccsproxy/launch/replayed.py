"""Starting an agent on recorded responses: a mock takes the provider's place, and nothing is recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attr

from ccsproxy.errors import StartError
from ccsproxy.launch import agent as agents
from ccsproxy.launch.agent import Agent, Surroundings
from ccsproxy.launch.background import UPSTREAMS
from ccsproxy.launch.child import run_child
from ccsproxy.launch.start import leading, service_facts

#: Seconds that the mock gets to exit.
_END_WITHIN = 10.0


@attr.frozen
class ReplayedResult:
    """The result of a run.

    :ivar status: the agent's exit status, negative for a signal.
    :ivar counters: the mock's counters: ``answered``, ``refused``, ``left``; empty if it failed.
    """

    status: int
    counters: Mapping[str, Any]

    def lines(self) -> Iterator[str]:
        """Yield the receipt, line by line."""
        answered, refused = self.counters.get("answered"), self.counters.get("refused")
        if answered is None:
            yield "ccsproxy: the mock failed; running 'ccsproxy mock SESSION' separately may show why"
            return
        left = len(self.counters.get("left", ()))
        more = f"; {left} recorded call{'s were' if left != 1 else ' was'} not asked for" if left else ""
        yield f"ccsproxy: {answered} requests were answered from records, {refused} matched none{more}"


def start_replayed(
    agent: Agent | None, command: Sequence[str], data_dir: Path, mock: Sequence[str], via: str = ""
) -> ReplayedResult:
    """Start an agent, wait for its exit, and let a mock answer it meanwhile.

    :param agent: the known agent, None for any program.
    :param command: its program and arguments, as the user gave them.
    :param mock: arguments for ``ccsproxy mock``.
    :param via: ``forward`` or ``base-url``; empty for the agent's default.
    :raises StartError: if the mock or the agent cannot be started.
    """
    surroundings = Surroundings(Path.home(), Path.cwd(), dict(os.environ))
    program = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "ccsproxy.tools", "mock", *mock, "--json", "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Signals from the terminal to the agent must not end the mock.
        start_new_session=True,
    )
    try:
        facts = service_facts(_begun(program, UPSTREAMS), data_dir, surroundings.environment)
        way = leading(agent, via or (agent.via if agent else agents.FORWARD), facts, surroundings)
        environment = {**surroundings.environment, **way.environment}
        status = run_child([command[0], *way.arguments, *command[1:]], environment, lambda: None)
    finally:
        program.terminate()
    return ReplayedResult(status, _last(program))


def _begun(program: subprocess.Popen[bytes], names: Sequence[str]) -> Mapping[str, Any]:
    """Wait for the mock's address, and return the equivalent of a service's run file."""
    line = program.stdout.readline() if program.stdout is not None else b""
    if not line:
        program.wait()
        raise StartError("The recorded session cannot be replayed.")
    url = json.loads(line)["url"]
    # Under an upstream's name the mock answers as at its root.
    return {"proxy": [url], "upstreams": dict.fromkeys(names, url)}


def _last(program: subprocess.Popen[bytes]) -> Mapping[str, Any]:
    try:
        output, _ = program.communicate(timeout=_END_WITHIN)
        counters = json.loads(output.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        program.kill()
        return {}
    return counters if "answered" in counters else {}
