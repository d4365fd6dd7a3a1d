"""Access to the hub: a person's role, from the roles file, as a condition on the calls that they may see."""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import attr

from ccsproxy.errors import ConfigError

Network = IPv4Network | IPv6Network

#: ``own``: calls whose label ``user`` is the person; ``team``: those of the team's label; ``all``; ``none``.
ROLES = ("own", "team", "all", "none")
#: The longest accepted name of a person.
_LONGEST = 256


@attr.frozen
class Role:
    """What one person may see.

    :ivar kind: one of `ROLES`.
    :ivar value: the label's value: the person's login, or the team.
    """

    kind: str
    value: str = ""

    def condition(self, literal: Callable[[str], str]) -> str | None:
        """Format the role as a condition on an engine's ``exchanges``: empty for everything, null for nothing.

        :param literal: formats a text as a literal of the engine.
        """
        if self.kind == "all":
            return ""
        if self.kind == "none" or not self.value:
            return None
        # The user is a column of its own in every engine, the team is one of the labels.
        column = '"user"' if self.kind == "own" else "labels['team']"
        return f"{column} = {literal(self.value)}"


@attr.frozen
class Visitor:
    """A user who has been identified.

    :ivar groups: the groups that an OpenID provider says the user is in.
    """

    person: str
    groups: tuple[str, ...] = ()


@attr.frozen
class Roles:
    """The roles of all people.

    :ivar otherwise: the kind for people who are not listed.
    :ivar groups: the roles by group, for people who are not listed; the first that fits counts.
    """

    people: Mapping[str, Role] = attr.field(factory=dict)
    otherwise: str = "own"
    groups: Mapping[str, Role] = attr.field(factory=dict)

    def of(self, visitor: Visitor) -> Role:
        """Return a user's role; without one of their own, people see what is labelled with their name."""
        person = visitor.person
        if person in self.people:
            return self.people[person]
        role = next((role for group, role in self.groups.items() if group in visitor.groups), None)
        if role is None:
            return Role(self.otherwise, person)
        return attr.evolve(role, value=person) if role.kind == "own" else role


def read_roles(path: Path) -> Roles:
    """Read a file of roles::

        default = "own"
        [people]
        "lead@example.com" = "all"
        "ann@example.com" = { role = "team", team = "search" }
        "bob@example.com" = { role = "own", user = "bob" }
        [groups]
        "llm-admins" = "all"

    :raises ConfigError: if it cannot be read, or contains something unknown.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("--roles", f"{path} cannot be read: {error}") from None
    otherwise = document.get("default", "own")
    if otherwise not in ("own", "all", "none"):
        raise ConfigError("--roles", 'default must be "own", "all" or "none"')
    people = document.get("people", {})
    if not isinstance(people, dict):
        raise ConfigError("--roles", "people must be a table")
    groups = document.get("groups", {})
    if not isinstance(groups, dict):
        raise ConfigError("--roles", "groups must be a table")
    return Roles(_roles(people), otherwise, _roles(groups))


def _roles(table: Mapping[str, Any]) -> dict[str, Role]:
    return {name: _role(name, setting) for name, setting in table.items()}


def _role(name: str, setting: Any) -> Role:
    table = setting if isinstance(setting, dict) else {"role": setting}
    kind = table.get("role")
    if kind not in ROLES:
        raise ConfigError("--roles", f"the role of {name} must be one of {', '.join(ROLES)}")
    value = table.get("team", "") if kind == "team" else table.get("user", name)
    if not isinstance(value, str) or (kind == "team" and not value):
        raise ConfigError("--roles", f'the role of {name} needs a team, as in {{ role = "team", team = "search" }}')
    return Role(kind, value)


def networks(texts: Iterable[str]) -> list[Network]:
    """Parse addresses and networks.

    :raises ConfigError: if one is invalid.
    """
    try:
        return [ip_network(text) for text in texts]
    except ValueError as error:
        raise ConfigError("--auth-from", f"{error}; name an address such as 10.0.0.5, or a network") from None


def person_in(values: Sequence[bytes] | None) -> str | None:
    """Return the person named by a header, null if it is missing, repeated, or contains characters that no name
    has.
    """
    if not values or len(values) != 1:
        return None
    text = values[0].decode("utf-8", "replace").strip()
    return text if text and len(text) <= _LONGEST and text.isprintable() else None
