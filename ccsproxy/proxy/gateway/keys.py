"""The keys of a gateway: those that clients present, and those that upstreams get."""

from collections.abc import Mapping

import attr

from ccsproxy.config.model import Config
from ccsproxy.proxy.gateway.team_key import TeamKey
from ccsproxy.proxy.server.access.client_keys import ClientKeys


@attr.frozen
class GatewayKeys:
    """The configured keys; without any, every caller uses a key of their own.

    :ivar clients: who may call; None for everybody.
    :ivar team: the team's own key, by the NAME of its upstream.
    """

    clients: ClientKeys | None = None
    team: Mapping[str, TeamKey] = attr.field(factory=dict)

    @classmethod
    def of(cls, config: Config) -> "GatewayKeys":
        """Read the files that a configuration names.

        :raises ConfigError: if one cannot be used.
        """
        providers = {one.name: one.provider for one in config.upstreams}
        team = {name: TeamKey(path, providers.get(name, "")) for name, path in config.upstream_key_files}
        return cls(ClientKeys(config.client_keys) if config.client_keys is not None else None, team)

    def reload(self) -> None:
        """Read all files again."""
        for key in self.team.values():
            key.reload()
        if self.clients is not None:
            self.clients.reload()
