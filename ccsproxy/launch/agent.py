"""The description of an agent for its launcher: how it is found, how it is directed here, and what that changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attr

#: The two methods: as an HTTP proxy, or under a base URL of ours.
FORWARD, BASE_URL = "forward", "base-url"


@attr.frozen
class ServiceFacts:
    """What an agent needs to know about the running service.

    :ivar proxy: the proxy's URL, without a trailing slash.
    :ivar ca: the file with our certificate authority only.
    :ivar bundle: a file with the system's authorities and ours.
    :ivar upstreams: URLs by upstream name, in the service's order.
    """

    proxy: str
    ca: Path
    bundle: Path
    upstreams: Mapping[str, str] = attr.field(factory=dict)

    def base(self, name: str) -> str:
        """Return the base URL for an upstream.

        :raises NoUpstream: if the service has no upstream with that name.
        """
        names = list(self.upstreams)
        if name not in names:
            raise NoUpstream(name)
        return self.proxy if names[0] == name else f"{self.proxy}/{name}"


class NoUpstream(Exception):
    """The running service does not have the upstream that a base URL needs."""


@attr.frozen
class Leading:
    """How one start of an agent is directed to the proxy.

    :ivar environment: variables to set.
    :ivar arguments: arguments before the user's own.
    """

    environment: Mapping[str, str] = attr.field(factory=dict)
    arguments: Sequence[str] = ()


@attr.frozen
class Surroundings:
    """The user's environment, which determines the agent's effective settings.

    :ivar home: the user's home directory.
    :ivar cwd: the directory in which the agent starts.
    :ivar environment: the variables of the user's shell.
    """

    home: Path
    cwd: Path
    environment: Mapping[str, str]


@attr.frozen
class Overrule:
    """A user setting that overrides a launcher's.

    :ivar where: the file or variable.
    :ivar what: the setting and its value, without secrets.
    :ivar cure: the remedy, in one sentence.
    """

    where: str
    what: str
    cure: str


@attr.frozen
class Measured:
    """With which version something was tested, and when.

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

    :ivar name: the command name in ``ccsproxy NAME``.
    :ivar title: the agent's own name.
    :ivar commands: program names to look for; the first one found is started.
    :ivar via: the method with the fewest side effects.
    :ivar upstream: name of the upstream for its base URL.
    :ivar base_url: how it is directed here by a base URL; None if that is impossible.
    :ivar effects: what a base URL changes in the agent's behaviour, in sentences; a method without an entry has no
    known effects.
    :ivar overrules: finds user settings that override a launcher's.
    :ivar login: determines how the agent is logged in: ``api-key``, ``subscription``, ``none`` or ``unknown``.
    :ivar needs: what the user has to set up before it can start, in a sentence; empty for nothing.
    :ivar asking: arguments with which it answers one prompt and exits; ``{prompt}`` is a placeholder. Empty if it has
    no such mode.
    :ivar measured: with which version all this was tested.
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
        """Return the path of its program, None if it is not installed."""
        paths = (shutil.which(command, path=environment.get("PATH")) for command in self.commands)
        return next((path for path in paths if path), None)
