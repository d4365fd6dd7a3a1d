"""Which connections through the forward proxy are intercepted and recorded, and which are only tunnelled."""

from __future__ import annotations

from collections.abc import Iterable

import attr

from ccsproxy.providers.hosts import MODEL_HOSTS
from ccsproxy.wire.target import parse_authority

#: TLS is not used on this port.
_PLAIN_PORT = 80


def _host(text: str) -> tuple[str, int | None]:
    """Parse ``HOST`` or ``HOST:PORT``.

    :raises BadTarget: if it is neither.
    """
    host, port = parse_authority(text.lower().rstrip(".").encode("ascii"))
    return host.decode(), port


@attr.frozen
class Interception:
    """The hosts whose TLS is intercepted.

    :ivar hosts: each with its port, None for every port but 80; subdomains are included.
    :ivar left_out: those of them that are tunnelled nevertheless.
    """

    hosts: frozenset[tuple[str, int | None]]
    left_out: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, options: Iterable[str]) -> Interception:
        """Parse the values of ``--intercept``: ``+HOST`` adds to the known hosts, ``-HOST`` removes one.

        :param options: a host without a sign replaces the known ones.
        :raises BadTarget: if one cannot be parsed.
        """
        given = [(each[:1] if each[:1] in "+-" else "", _host(each.lstrip("+-"))) for each in options]
        alone = {host for sign, host in given if not sign}
        known = alone or {(host, None) for host in MODEL_HOSTS}
        left_out = {host for sign, host in given if sign == "-"}
        return cls(frozenset(known | {host for sign, host in given if sign == "+"}), frozenset(left_out))

    def includes(self, host: str, port: int) -> bool:
        """Tell whether connections to a host are intercepted."""
        # A name with the root's trailing dot is the same host, and must not bypass the list.
        host = host.rstrip(".")
        return _covers(self.hosts, host, port) and not _covers(self.left_out, host, port)

    @property
    def names(self) -> frozenset[str]:
        """The hosts that the CA has to vouch for."""
        return frozenset(host for host, _ in self.hosts)


def _covers(hosts: frozenset[tuple[str, int | None]], host: str, port: int) -> bool:
    name = host
    while True:
        if (name, port) in hosts or ((name, None) in hosts and port != _PLAIN_PORT):
            return True
        _, dot, name = name.partition(".")
        if not dot:
            return False
