"""The description of an agent for its launcher: how it is found, how it is directed here, and what that changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attr

#: The two ways: as an HTTP proxy, or under a base URL of ours.
FORWARD, BASE_URL = "forward", "base-url"


@attr.frozen
class ServiceFacts:
    """What an agent is told of the running service.

    :ivar proxy: the proxy's URL, without a slash at its end.
    :ivar ca: the file of the certificate authority alone.
    :ivar bundle: a file of the system's authorities and ours.
    :ivar upstreams: upstream NAME to its URL, in the service's order.
    """

    proxy: str
    ca: Path
    bundle: Path
    upstreams: Mapping[str, str] = attr.field(factory=dict)

    def base(self, name: str) -> str:
        """Return the base URL that leads to an upstream.

        :raises NoUpstream: when the service has no upstream of that name.
        """
        names = list(self.upstreams)
        if name not in names:
            raise NoUpstream(name)
        return self.proxy if names[0] == name else f"{self.proxy}/{name}"


class NoUpstream(Exception):
    """The running service has no upstream of the name that a base URL needs."""


@attr.frozen
class Leading:
    """How one start of an agent is led here.

    :ivar environment: variables that are set for it.
    :ivar arguments: what comes before the user's own arguments.
    """

    environment: Mapping[str, str] = attr.field(factory=dict)
    arguments: Sequence[str] = ()


@attr.frozen
class Surroundings:
    """Where a user starts an agent: what decides which of the agent's settings are in force.

    :ivar home: the user's home directory.
    :ivar cwd: the directory in which the agent starts.
    :ivar environment: the variables of the user's shell.
    """

    home: Path
    cwd: Path
    environment: Mapping[str, str]


@attr.frozen
class Overrule:
    """A setting of the user's that stands in the way of a launcher.

    :ivar where: the file or variable.
    :ivar what: the setting and its value, secrets left out.
    :ivar cure: what to do, in one sentence.
    """

    where: str
    what: str
    cure: str


@attr.frozen
class Measured:
    """With which version something was tried, and when.

    :ivar version: the agent's version.
    :ivar date: ``YYYY-MM-DD``.
    """

    version: str
    date: str


def _no_overrules(surroundings: Surroundings) -> list[Overrule]:
    return []


def _unknown_login(surroundings: Surroundings) -> str:
    return "unknown"


@attr.frozen
class Agent:
    """One coding agent, as data.

    :ivar name: what ``ccsproxy NAME`` is called.
    :ivar title: the agent's own name.
    :ivar commands: the programs to look for, the first that is there is started.
    :ivar via: the way with the fewest side effects.
    :ivar upstream: NAME of the upstream that its base URL leads to.
    :ivar base_url: how it is led here by a base URL; None where it cannot be.
    :ivar effects: what a base URL changes in the agent's behaviour, in sentences; a way without an entry changes
    nothing known.
    :ivar overrules: finds the user's settings that outrank what a launcher sets.
    :ivar login: tells how the agent is logged in: ``api-key``, ``subscription``, ``none`` or ``unknown``.
    :ivar needs: what the user has to have set for it to start, in a sentence; empty for nothing.
    :ivar asking: arguments with which it answers one prompt and ends; ``{prompt}`` stands for it. Empty where it
    has none.
    :ivar measured: what all this was tried with.
    """

    name: str
    title: str
    commands: Sequence[str]
    via: str = FORWARD
    upstream: str = ""
    base_url: Callable[[ServiceFacts, Surroundings], Leading] | None = None
    effects: Sequence[str] = ()
    overrules: Callable[[Surroundings], list[Overrule]] = _no_overrules
    login: Callable[[Surroundings], str] = _unknown_login
    needs: str = ""
    asking: Sequence[str] = ()
    measured: Measured | None = None

    def find(self, environment: Mapping[str, str]) -> str | None:
        """Return the path of its program, None when it is not installed."""
        paths = (shutil.which(command, path=environment.get("PATH")) for command in self.commands)
        return next((path for path in paths if path), None)
