"""Starts an agent, from finding the service to printing the receipt."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attr

from ccsproxy.errors import StartError
from ccsproxy.launch import agent as agents
from ccsproxy.launch.agent import Agent, Leading, NoUpstream, ServiceFacts, Surroundings
from ccsproxy.launch.background import Background
from ccsproxy.launch.bundle import write_bundle
from ccsproxy.launch.child import run_child
from ccsproxy.launch.environment import forward_environment
from ccsproxy.launch.leases import Lease
from ccsproxy.proxy.forward.authority import AuthorityStore
from ccsproxy.proxy.forward.interception import Interception
from ccsproxy.runtime.sockets.processes import LABELS


class NotInstalled(StartError):
    """The agent's program is not installed on this machine."""


@attr.frozen
class LaunchResult:
    """The result of a run.

    :ivar status: the agent's exit status, negative for a signal.
    :ivar launch: the label under which its calls are recorded.
    :ivar began: seconds since the epoch.
    """

    status: int
    launch: str
    began: float
    run_file: Mapping[str, Any]


def service_facts(run_file: Mapping[str, Any], data_dir: Path, environment: Mapping[str, str]) -> ServiceFacts:
    """Return what an agent needs to know about a service; creates the CA if there is none yet.

    :param environment: the variables of the user's shell.
    """
    store = AuthorityStore(data_dir / "ca", Interception.parse(()).names)
    if store.current() is None:
        store.ensure()
    ca = store.certificate_path
    return ServiceFacts(run_file["proxy"][0], ca, write_bundle(ca, environment), run_file["upstreams"])


def leading(agent: Agent | None, via: str, service: ServiceFacts, surroundings: Surroundings) -> Leading:
    """Return how an agent is directed to the proxy.

    :param agent: None for any program.
    :raises StartError: if that method is impossible for it.
    """
    if via == agents.FORWARD:
        return forward_environment(service, surroundings.environment)
    if agent is None or agent.base_url is None:
        name = "An unknown program" if agent is None else agent.title
        raise StartError(f"{name} cannot be redirected by a base URL; remove --via.")
    try:
        return agent.base_url(service, surroundings)
    except NoUpstream as missing:
        raise StartError(
            f"The running service has no upstream named {missing}; remove --via, or run 'ccsproxy down' first."
        ) from None


def start(
    agent: Agent | None,
    command: Sequence[str],
    background: Background,
    via: str = "",
    labels: Mapping[str, str] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> LaunchResult:
    """Start an agent, wait for its exit, and keep a service running for it meanwhile.

    :param agent: the known agent, None for any program.
    :param command: its program and arguments, as the user gave them.
    :param via: ``forward`` or ``base-url``; empty for the agent's default.
    :param labels: additional labels for its records.
    :param say: called with a sentence that the user should see before the agent takes over the screen.
    :raises StartError: if the service or the agent cannot be started.
    """
    surroundings = Surroundings(Path.home(), Path.cwd(), dict(os.environ))
    background.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lease = Lease(background.data_dir)
    try:
        run_file = _service_for(background, say)
        service = service_facts(run_file, background.data_dir, surroundings.environment)
        way = leading(agent, via or (agent.via if agent else agents.FORWARD), service, surroundings)
        launch = uuid.uuid4().hex[:12]
        all_labels = ",".join(f"{key}={value}" for key, value in {**(labels or {}), "launch": launch}.items())
        environment = {**surroundings.environment, **way.environment, LABELS: all_labels}
        began = time.time()
        status = run_child(
            [command[0], *way.arguments, *command[1:]], environment, background.as_started(run_file).ensure
        )
        return LaunchResult(status, launch, began, run_file)
    finally:
        lease.close()


def _service_for(background: Background, say: Callable[[str], object]) -> Mapping[str, Any]:
    """Return the run file of the service, of this version if an older one is not in use."""
    run_file = background.ensure()
    if background.is_other_version(run_file):
        run_file = background.renewed(run_file) or run_file
    if background.is_other_version(run_file):
        old = run_file["version"]
        say(f"a service of version {old} is in use; after 'ccsproxy down' the next start uses this version")
    return run_file


def program_of(agent: Agent, environment: Mapping[str, str]) -> str:
    """Return the path of an agent's program.

    :raises NotInstalled: if it does not exist.
    """
    path = agent.find(environment)
    if path is None:
        raise NotInstalled(f"{agent.title} is not installed: no '{agent.commands[0]}' in PATH.")
    return path
